"""What staff change on forms of the admin goes into the audit trail, and not into the log that Django has for it.

That one is deleted with the user who made the changes, and knows neither address nor request.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractUser
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from invenicum.admin import COUNT_MOST_ROWS

from .models import AuditEntry
from .services import Action, record, target_of

DELETES = "delete_selected"  # Django's action, which asks by itself
KEPT = ("action", "select_across", "index", ACTION_CHECKBOX_NAME)  # of the form of a list, to be sent again


class Audited:
    """Put before ModelAdmin: its changes are in the audit trail, with the names of fields and no values.

    The history of a row is what the trail has of it.
    """

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return _record(Action.ADDED, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return _record(Action.CHANGED, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return [_record(Action.DELETED, row, "") for row in queryset]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        target = target_of(row) if row else ""
        return redirect(f"{reverse('admin:audit_auditentry_changelist')}?{urlencode({'target': target})}")


def _record(action: AuditEntry.Action, row: Model, message: Any) -> AuditEntry:
    return record(action, target=target_of(row), owner=_owner_of(row), detail=_sentence(message))


def _owner_of(row: Model) -> AbstractUser | None:
    """Whose row it is."""
    found = row if isinstance(row, AbstractUser) else getattr(row, "user", None) or getattr(row, "owner", None)
    return found if isinstance(found, AbstractUser) else None


def _sentence(message: Any) -> str:
    """A change as Django describes it, e.g. `[{"changed": {"fields": ["Email"]}}]`, in words: `Changed Email.`"""
    if isinstance(message, str):
        return message
    return LogEntry(change_message=json.dumps(message)).get_change_message()


class ConfirmedActions:
    """Put before ModelAdmin: an action of its list first says how many rows it is about, and is in the trail when done.

    As for Django's own deletion, `post=yes` confirms it.
    """

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        name, chosen = request.POST.get("action", ""), request.POST.getlist(ACTION_CHECKBOX_NAME)
        actions = self.get_actions(request)  # type: ignore[attr-defined]
        respond = super().response_action  # type: ignore[misc]
        if name not in actions or name == DELETES or not chosen:
            return respond(request, queryset, *args, **kwargs)
        is_all = request.POST.get("select_across", "0") != "0"
        rows = queryset if is_all else queryset.filter(pk__in=chosen)
        count = rows[: COUNT_MOST_ROWS + 1].count()
        words = str(actions[name][2])
        if request.POST.get("post") != "yes":
            return self._ask(request, words, count)
        only = rows.first() if count == 1 else None
        response = respond(request, queryset, *args, **kwargs)
        kind = self.opts.verbose_name_plural  # type: ignore[attr-defined]
        target = f"{self.opts.model_name}:{chosen[0]}" if only else ""  # type: ignore[attr-defined]
        record(
            Action.STAFF_ACTION,
            target=target,
            owner=_owner_of(only) if only else None,
            detail=f"{words}: {count} {kind}",
        )
        return response

    def _ask(self, request: HttpRequest, words: str, count: int) -> TemplateResponse:
        kept = [(name, value) for name in KEPT for value in request.POST.getlist(name)]
        options = self.opts  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": words,
            "count": f"more than {COUNT_MOST_ROWS:,}" if count > COUNT_MOST_ROWS else f"{count:,}",
            "kind": options.verbose_name if count == 1 else options.verbose_name_plural,
            "kept": kept,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)

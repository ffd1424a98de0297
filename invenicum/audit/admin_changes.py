"""What staff change on forms of the admin goes into the audit trail, and not into the log that Django has for it.

That one is deleted with the user who made the changes, and knows neither address nor request.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractUser
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from .models import AuditEntry
from .services import Action, record, target_of


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

"""Bases of the admin pages of all apps."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import CASCADE, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

COUNT_MOST_ROWS = 10_000  # of a large table, for the pages of a list


class BoundedPaginator(Paginator[Any]):
    """Pages of a large table: counts COUNT_MOST_ROWS rows at most, and so shows no more."""

    @cached_property
    def count(self) -> int:
        return cast("QuerySet[Any]", self.object_list)[:COUNT_MOST_ROWS].count()


def chip(tone: str, words: str, title: str = "") -> SafeString:
    """A state as people read it: `chip("bad", "failed")`. tone: good, warn, bad or rest."""
    return format_html('<span class="chip {}" title="{}">{}</span>', tone, title, words)


def list_link(name: str, words: str, **query: Any) -> SafeString:
    """A link to a list of the admin, e.g. `list_link("webhooks_delivery", "deliveries", owner=7)`."""
    return format_html('<a href="{}?{}">{}</a>', reverse(f"admin:{name}_changelist"), urlencode(query), words)


class ReadOnly:
    """Put before ModelAdmin or an inline: its rows are read-only, and only its actions change them.

    An action declares `permissions=["act"]`, so that it needs the change permission of the model, which a user who may
    only view does not have. Rows are still deleted with the user they belong to (`invenicum.accounts.admin.UserAdmin`).
    """

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may start this page's actions."""
        options = self.opts  # type: ignore[attr-defined]
        return bool(request.user.has_perm(f"{options.app_label}.change_{options.model_name}"))


class DeletesWhatBelongsToIt:
    """Put before ModelAdmin: deleting a row also deletes the rows that belong to it, without a permission for each.

    Django would require the permission to delete those too, which read-only pages never grant.
    """

    def get_deleted_objects(
        self, objs: QuerySet[Any] | Sequence[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[Any]]:
        """For the confirmation page: the rows, and how many rows of each kind are deleted with them.

        They are counted and not listed, because a user may have a million deliveries.
        """
        options = self.opts  # type: ignore[attr-defined]
        shown = {name: count for name, count in _counts(options, list(objs)) if count}
        return [f"{str(options.verbose_name).capitalize()}: {row}" for row in objs], shown, set(), []


def _counts(options: Any, rows: Sequence[Model]) -> Iterable[tuple[str, int]]:
    counts = {str(options.verbose_name_plural): len(rows)}
    for relation in options.related_objects:
        if relation.on_delete is CASCADE:
            theirs = relation.related_model._base_manager.filter(**{f"{relation.field.name}__in": rows})
            name = str(relation.related_model._meta.verbose_name_plural)
            counts[name] = counts.get(name, 0) + theirs.count()
    return counts.items()

"""An owner's events, newest first, in pages: all of them, or those about one asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from invenicum.api.pagination import Cursor

from .models import Event
from .position import Follows, Precedes


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first. `older`, `newer`: where the next and the previous page begin, None if there is none.

    `before`: the event before the last one of the page, None if there is none.
    """

    events: Sequence[Event]
    older: Cursor | None
    newer: Cursor | None
    before: Event | None = None


def all_events(owner_id: int, cursor: Cursor | None, limit: int) -> Page:
    """Up to `limit` events of the owner after the cursor, or before it; without snapshots. At most two statements."""
    rows = Event.objects.filter(owner=owner_id, position__isnull=False)
    place = rows.filter(pk=cursor.id).values_list("position", "sequence").first() if cursor else None
    if cursor is None or place is None:
        return _page(rows.order_by("-position", "-sequence"), None, limit)
    if cursor.is_backward:
        rows = rows.filter(Follows(*place)).order_by("position", "sequence")
    else:
        rows = rows.filter(Precedes(*place)).order_by("-position", "-sequence")
    page = _page(rows, cursor, limit)
    return all_events(owner_id, None, limit) if cursor.is_backward and page.newer is None else page


def of_asset(owner_id: int, asset_id: str, cursor: Cursor | None, limit: int) -> Page:
    """Up to `limit` events of the owner about an asset, snapshots included. At most two statements."""
    rows = Event.objects.filter(owner=owner_id, subject=asset_id)
    place = rows.filter(pk=cursor.id).values_list("sequence", flat=True).first() if cursor else None
    if cursor is None or place is None:
        return _page(rows.order_by("-sequence"), None, limit)
    if cursor.is_backward:
        rows = rows.filter(sequence__gt=place).order_by("sequence")
    else:
        rows = rows.filter(sequence__lt=place).order_by("-sequence")
    page = _page(rows, cursor, limit)
    return of_asset(owner_id, asset_id, None, limit) if cursor.is_backward and page.newer is None else page


def _page(rows: QuerySet[Event], cursor: Cursor | None, limit: int) -> Page:
    found = list(rows[: limit + 1])
    has_more, events = len(found) > limit, found[:limit]
    if cursor is not None and cursor.is_backward:
        events.reverse()
        newer = Cursor(True, events[0].pk) if has_more else None
        return Page(events, Cursor(False, events[-1].pk) if events else None, newer)
    newer = Cursor(True, events[0].pk) if cursor and events else None
    before = found[limit] if has_more else None
    return Page(events, Cursor(False, events[-1].pk) if has_more else None, newer, before)

"""Numbers events on SQLite, which has no sequences."""

from collections.abc import Sequence

from django.db import connection

from .models import Event


def number(events: Sequence[Event]) -> None:
    """Sets `sequence` of unsaved events, in the transaction that inserts them. PostgreSQL does it itself.

    Each owner's events are numbered from 1; on SQLite no other transaction writes at the same time.
    """
    if connection.vendor == "postgresql":
        return
    last: dict[int, int] = {}
    for event in events:
        owner = event.owner_id
        last[owner] = event.sequence = (_last(owner) if owner not in last else last[owner]) + 1


def _last(owner_id: int) -> int:
    events = Event.objects.filter(owner=owner_id)
    newest = (
        events.filter(position__isnull=False).order_by("-position", "-sequence"),
        events.filter(position=None).order_by("-sequence"),
    )
    return max(rows.values_list("sequence", flat=True).first() or 0 for rows in newest)

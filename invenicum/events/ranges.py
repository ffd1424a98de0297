"""An owner's events from a time on, in the order of the feed: what is read of them is a range of its index."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet

from .models import Event
from .position import Follows

# An id has the time by the clock of the process that made it, a place is given when the event is inserted: no event is
# placed so much later than another one whose id is younger.
PLACE_TOLERANCE = timedelta(minutes=2)
_ID_MILLISECOND = 1 << 80  # in a UUIDv7


def events_after(owner_id: int, after: UUID) -> QuerySet[Event]:
    """The owner's events that follow the one with the id `after`, without snapshots, in the order of the feed.

    `after` may be the id of an event that has been pruned, or `first_id_at(moment)`: then the events from that time on,
    and perhaps a few from before it.
    """
    rows = Event.objects.filter(owner=owner_id, position__isnull=False).order_by("position", "sequence")
    place = Event.objects.filter(pk=after, position__isnull=False).values_list("position", "sequence").first()
    if place is not None:
        return rows.filter(Follows(*place))
    first = position_around(after)
    return rows.none() if first is None else rows.filter(position__gte=first)


def position_around(after: UUID) -> int | None:
    """A position that no event has whose id is younger than `after`, and few older ones; None if there are no younger
    ones.
    """
    earliest = max(after.int - PLACE_TOLERANCE // timedelta(milliseconds=1) * _ID_MILLISECOND, 0)
    younger = Event.objects.filter(pk__gte=UUID(int=earliest), position__isnull=False).order_by("pk")
    return younger.values_list("position", flat=True).first()

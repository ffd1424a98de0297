"""An owner's events in order, without gaps, for a receiver that catches up."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from invenicum.accounts.models import User

from .models import Event
from .position import Follows, OldestRunningTransaction
from .ranges import position_around


class UnknownPlace(LookupError):
    """The feed cannot be read from there: the owner has no such event, or it is not in the feed yet."""


def feed(owner: User, after: UUID | None, limit: int) -> tuple[list[Event], bool]:
    """Up to `limit` events after the event `after` (None: from the first), and whether there are more.

    An event appears once all transactions that began before its own have ended, so that no event can appear before it
    later. Raises UnknownPlace.
    """
    rows = Event.objects.filter(owner=owner, position__lt=OldestRunningTransaction()).order_by("position", "sequence")
    if after is not None:
        rows = _after(owner, rows, after)
    found = list(rows[: limit + 1])
    return found[:limit], len(found) > limit


def newest(owner: User, limit: int) -> list[Event]:
    """The owner's last events, the newest first; without snapshots that were made for one integration."""
    rows = Event.objects.filter(owner=owner, position__isnull=False)
    return list(rows.order_by("-position", "-sequence")[:limit])


def _after(owner: User, rows: QuerySet[Event], after: UUID) -> QuerySet[Event]:
    place = rows.filter(pk=after).values_list("position", "sequence").first()
    if place is not None:
        return rows.filter(Follows(*place))
    if Event.objects.filter(pk=after, owner=owner, position=None).exists():  # a snapshot, which has no place of its own
        first = position_around(after)
        return rows.none() if first is None else rows.filter(position__gte=first)
    oldest = rows.first()
    if oldest is None or after < oldest.pk:
        return rows  # it was pruned: everything that is left came after it
    raise UnknownPlace(after)

"""The events that an integration would have been sent, but for which it has no delivery."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from integrations.missed import Missed
from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.events.names import PING, matches
from invenicum.events.ranges import PLACE_TOLERANCE, events_after
from invenicum.ids import first_id_at

from .models import Delivery

COUNT_PAGE_EVENTS = 20_000  # looked at by one statement
COUNT_MAX_SECONDS = 5.0
# To tell at once, when an integration becomes active.
QUICK_COUNT_MAX_EVENTS = 3 * COUNT_PAGE_EVENTS
QUICK_COUNT_MAX_SECONDS = 1.0

_Status = Integration.Status


@dataclass(frozen=True, slots=True)
class Page:
    """Missed events, in order; the id of the last event that was looked at; whether the range ends there."""

    events: list[Event]
    last_id: UUID
    is_last: bool


def earliest() -> datetime:
    """Events from before this time are gone, or may go at any moment."""
    return timezone.now() - timedelta(days=settings.RETENTION_DAYS)


def page(integration: Integration, since: datetime, until: datetime, after: UUID, limit: int) -> Page:
    """Of the `limit` events after the one with the id `after`, those that were missed and published in the range."""
    rows = _with_delivery(integration, events_after(integration.owner_id, after))
    found = list(rows.defer("body", "document")[:limit])
    patterns = integration.subscriptions
    missed = [
        event
        for event in found
        if event.delivery is None  # type: ignore[attr-defined]
        and since <= event.created_at < until
        and _is_wanted(patterns, event.name)
    ]
    is_last = len(found) < limit or found[-1].created_at >= until + PLACE_TOLERANCE
    return Page(missed, found[-1].pk if found else after, is_last)


def count(
    integration: Integration,
    since: datetime,
    until: datetime,
    max_events: int | None = None,
    max_seconds: float = COUNT_MAX_SECONDS,
) -> tuple[int, bool]:
    """How many events of the range were missed, and whether these are all.

    Not if `max_events` have been looked at (None for no bound), or if counting took `max_seconds`.
    """
    total, looked_at, after = 0, 0, first_id_at(since)
    ends_at = time.monotonic() + max_seconds
    is_missed = Q(delivery=None, created_at__gte=since, created_at__lt=until) & _wanted(integration.subscriptions)
    while True:
        rows = events_after(integration.owner_id, after)
        counted = _with_delivery(integration, rows)[:COUNT_PAGE_EVENTS]
        total += counted.aggregate(count=Count("pk", filter=is_missed))["count"]
        last = rows.values_list("pk", "created_at")[COUNT_PAGE_EVENTS - 1 : COUNT_PAGE_EVENTS]
        found = list(last)
        if not found or found[0][1] >= until + PLACE_TOLERANCE:
            return total, True
        after, looked_at = found[0][0], looked_at + COUNT_PAGE_EVENTS
        if time.monotonic() >= ends_at or (max_events is not None and looked_at >= max_events):
            return total, False


def missed_until_now(integration: Integration) -> Missed:
    """What an integration that has just become active missed since it stopped, or of all events if it is new."""
    since = _stopped_at(integration)
    found, is_exact = count(
        integration, since or earliest(), timezone.now(), QUICK_COUNT_MAX_EVENTS, QUICK_COUNT_MAX_SECONDS
    )
    return Missed(found, is_exact, since)


def _stopped_at(integration: Integration) -> datetime | None:
    """When the last time ended in which the integration was active, before this one; None if it never was."""
    changes = integration.changes.order_by("pk")
    stops = changes.exclude(status=_Status.ACTIVE)
    newest = stops.last()
    active = newest and changes.filter(status=_Status.ACTIVE, pk__lt=newest.pk).last()
    stop = active and stops.filter(pk__gt=active.pk).first()
    return stop.at if stop else None


def _with_delivery(integration: Integration, rows: QuerySet[Event]) -> QuerySet[Event]:
    """With the key of each event's delivery to the integration, looked up for each row that is read."""
    deliveries = Delivery.objects.filter(event=OuterRef("pk"), integration=integration.pk).order_by()
    return rows.annotate(delivery=Subquery(deliveries.values("pk")[:1]))


def _is_wanted(patterns: list[str], name: str) -> bool:
    return name != PING and matches(patterns, name)


def _wanted(patterns: list[str]) -> Q:
    """The same as a condition of a query."""
    found = Q(name__in=[pattern for pattern in patterns if not pattern.endswith(".*")])
    for pattern in patterns:
        if pattern.endswith(".*"):
            found |= Q(name__startswith=pattern[:-1])
    return found & ~Q(name=PING)

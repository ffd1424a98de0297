"""The outbox: an event's deliveries, one for each integration that subscribes to it, inserted with the event."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.events.names import matches

from . import backlog
from .engine.database import statements
from .engine.values import NewDelivery
from .models import Delivery

Status = Integration.Status


def create_deliveries(events: Sequence[Event]) -> int:
    """Inserts the deliveries of `events` in the caller's transaction: two statements, however many there are.

    A paused or disabled integration gets no deliveries; those of one that has to be connected again wait until it is.
    Returns how many were inserted.
    """
    integrations = _subscribers({event.owner_id for event in events})
    deliveries = [
        NewDelivery(
            event_id=event.id,
            integration_id=integration_id,
            owner_id=event.owner_id,
            waits=status != Status.ACTIVE,
            order_key=event.subject if ordered else "",
            sequence=event.sequence,
        )
        for event in events
        for integration_id, status, patterns, ordered in integrations.get(event.owner_id, ())
        if matches(patterns, event.name)
    ]
    if deliveries:
        now = timezone.now()
        statements().insert_deliveries(deliveries, now, _first_attempt_at(now))
        backlog.count(events, deliveries)
    return len(deliveries)


def new_delivery(event: Event, integration_id: UUID, *, waits: bool = False) -> Delivery:
    """An unsaved delivery in no order with others; `waits` keeps it until its integration is active."""
    now = timezone.now()
    return Delivery(
        event=event,
        integration_id=integration_id,
        owner_id=event.owner_id,
        sequence=event.sequence,
        created_at=now,
        due_at=None if waits else _first_attempt_at(now),
    )


def _first_attempt_at(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.RETRY_SCHEDULE[0])


def _subscribers(owner_ids: Iterable[int]) -> dict[int, list[tuple[UUID, str, list[str], bool]]]:
    rows = (
        Integration.objects.live()
        .filter(owner_id__in=owner_ids, status__in=(Status.ACTIVE, Status.NEEDS_RECONNECT))
        .values_list("owner_id", "id", "status", "subscriptions", "ordered")
    )
    found = defaultdict(list)
    for owner_id, *subscriber in rows:
        found[owner_id].append(tuple(subscriber))
    return found

"""The outbox: an event's deliveries, one for each integration that subscribes to it, inserted with the event."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from invenicum.events.models import Event
from invenicum.events.names import matches

from . import backlog
from .engine.database import statements
from .engine.values import NewDelivery, Subscriber
from .models import Delivery


def create_deliveries(events: Sequence[Event]) -> int:
    """Inserts the deliveries of `events` in the caller's transaction: two statements, however many there are.

    A paused or disabled integration gets no deliveries; those of one that has to be connected again wait until it is.
    Returns how many were inserted.
    """
    subscribers = _subscribers({event.owner_id for event in events})
    deliveries = [
        NewDelivery(
            event_id=event.id,
            integration_id=one.integration_id,
            owner_id=event.owner_id,
            waits=one.waits,
            order_key=event.subject if one.ordered else "",
            sequence=event.sequence,
        )
        for event in events
        for one in subscribers.get(event.owner_id, ())
        if matches(one.patterns, event.name)
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


def _subscribers(owners: Collection[int]) -> dict[int, list[Subscriber]]:
    found = defaultdict(list)
    for subscriber in statements().subscribers(owners):
        found[subscriber.owner_id].append(subscriber)
    return found

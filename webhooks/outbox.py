"""The rows that an event leaves behind: one delivery for each integration that subscribes to it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.events.names import matches

from .models import Delivery

Status = Integration.Status


def create_deliveries(events: Sequence[Event]) -> int:
    """Inserts the deliveries of `events` in the caller's transaction: two statements, however many there are.

    A paused or disabled integration hears nothing of what happens meanwhile; one that has to be connected again
    gets everything once it is.
    """
    integrations = _subscribers({event.owner_id for event in events})
    deliveries = [
        new_delivery(event, integration_id, waits=status != Status.ACTIVE, ordered=ordered)
        for event in events
        for integration_id, status, patterns, ordered in integrations.get(event.owner_id, ())
        if matches(patterns, event.name)
    ]
    Delivery.objects.bulk_create(deliveries)
    return len(deliveries)


def new_delivery(event: Event, integration_id: UUID, *, waits: bool = False, ordered: bool = False) -> Delivery:
    """An unsaved delivery; `waits` keeps it until its integration is active, `ordered` behind its asset's others."""
    now = timezone.now()
    return Delivery(
        event=event,
        integration_id=integration_id,
        owner_id=event.owner_id,
        order_key=event.subject if ordered else "",
        created_at=now,
        due_at=None if waits else now + timedelta(seconds=settings.RETRY_SCHEDULE[0]),
    )


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

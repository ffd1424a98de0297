"""The rows that an event leaves behind: one delivery for each integration that subscribes to it.

Plain SQL on PostgreSQL: every publisher pays for these rows, and `bulk_create` takes three times as long.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.events.names import matches
from invenicum.ids import uuid7

from .models import Delivery

Status = Integration.Status


def create_deliveries(events: Sequence[Event]) -> int:
    """Inserts the deliveries of `events` in the caller's transaction: two statements, however many there are.

    A paused or disabled integration hears nothing of what happens meanwhile; one that has to be connected again
    gets everything once it is.
    """
    integrations = _subscribers({event.owner_id for event in events})
    wanted = [
        (event, integration_id, status != Status.ACTIVE, ordered)
        for event in events
        for integration_id, status, patterns, ordered in integrations.get(event.owner_id, ())
        if matches(patterns, event.name)
    ]
    if wanted and connection.vendor == "postgresql":
        _insert(wanted)
    else:
        Delivery.objects.bulk_create(
            new_delivery(event, integration_id, waits=waits, ordered=ordered)
            for event, integration_id, waits, ordered in wanted
        )
    return len(wanted)


INSERT = """
INSERT INTO webhooks_delivery
       (id, event_id, integration_id, owner_id, status, due_at, attempt_count, order_key, error, created_at)
SELECT id, event, integration, owner, 'pending', CASE WHEN NOT waits THEN %(due_at)s END, 0, key, '', %(now)s
  FROM json_to_recordset(%(rows)s)
       AS wanted (id uuid, event uuid, integration uuid, owner bigint, waits boolean, key text)
"""


def _insert(wanted: Iterable[tuple[Event, UUID, bool, bool]]) -> None:
    """The deliveries that `new_delivery` would make."""
    now = timezone.now()
    rows = [
        {
            "id": str(uuid7()),
            "event": str(event.id),
            "integration": str(integration_id),
            "owner": event.owner_id,
            "waits": waits,
            "key": event.subject if ordered else "",
        }
        for event, integration_id, waits, ordered in wanted
    ]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, {"rows": json.dumps(rows), "now": now, "due_at": _first_try(now)})


def new_delivery(event: Event, integration_id: UUID, *, waits: bool = False, ordered: bool = False) -> Delivery:
    """An unsaved delivery; `waits` keeps it until its integration is active, `ordered` behind its asset's others."""
    now = timezone.now()
    return Delivery(
        event=event,
        integration_id=integration_id,
        owner_id=event.owner_id,
        order_key=event.subject if ordered else "",
        created_at=now,
        due_at=None if waits else _first_try(now),
    )


def _first_try(now: datetime) -> datetime:
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

"""The engine's SQL for every other database, which means SQLite, that finds and claims what is due;
`database.Statements` describes the functions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.dateparse import parse_datetime

from invenicum.events.message import Message
from invenicum.ids import public_id

from .crashes import read_each
from .large_messages import LargeMessage, choose_large
from .postgresql_claim import PENDING
from .values import (
    CLAIM_MAX_LANES_VISITED,
    LANE_LEASE,
    LARGE_MESSAGE_BYTES,
    LONGEST_LANE_LEASE,
    NO_LANE,
    Claimed,
    ClaimRequest,
    DeliveryId,
    IntegrationId,
    LeasedLane,
    version_of,
)

# True for a delivery that no earlier pending one on the same ordered integration precedes for the same order key.
# SQLite uses the partial index only if the conditions are written as in the index.
_IS_FIRST = """
        (d.order_key = '' OR NOT EXISTS (
            SELECT 1 FROM webhooks_delivery earlier INDEXED BY delivery_order
             WHERE earlier.integration_id = d.integration_id AND earlier.status = 'pending'
               AND NOT (earlier.order_key = '') AND earlier.order_key = d.order_key
               AND earlier.sequence < d.sequence))"""

# Finds free lanes on which something is due.
FREE_LANES = f"""{PENDING}
SELECT lane.integration_id
  FROM pending JOIN webhooks_lane lane ON lane.integration_id = pending.id
 WHERE (lane.leased_until IS NULL OR lane.leased_until NOT BETWEEN %(earliest)s AND %(latest)s)
   AND NOT lane.on_hold
   AND (lane.held_until IS NULL OR lane.held_until <= %(now)s)
   AND (lane.next_at IS NULL OR lane.next_at <= %(sleeps_until)s)
   AND EXISTS (SELECT 1 FROM webhooks_delivery d
                WHERE d.integration_id = pending.id AND d.status = 'pending' AND d.due_at <= %(now)s
                  AND {_IS_FIRST})
 LIMIT %(lanes)s
"""  # noqa: S608 - made of constants

# Leases lanes.
LEASE = """
UPDATE webhooks_lane SET worker = %(worker)s, leased_until = %(leased_until)s
 WHERE integration_id IN (SELECT value FROM json_each(%(free)s))
"""

# Reads what is known of lanes.
READ_LANES = """
SELECT integration_id, failures, next_at, openings, rejections FROM webhooks_lane
 WHERE integration_id IN (SELECT value FROM json_each(%(free)s))
"""

_MESSAGE_BYTES = "(length(CAST(event.body AS BLOB)) + coalesce(length(CAST(event.document AS BLOB)), 0))"

# Reads the deliveries that are due on the worker's lanes, without large messages. (SQLite has no LATERAL.)
DUE_ON_LANES = f"""
SELECT item.id, lane.integration_id, {_MESSAGE_BYTES},
       CASE WHEN {_MESSAGE_BYTES} <= %(large)s THEN event.body END,
       CASE WHEN {_MESSAGE_BYTES} <= %(large)s THEN event.document END,
       item.attempt_count, item.crash_count, integration.updated_at, integration.status = 'active',
       event.id, event.name, event.occurred_at, event.created_at, event.traceparent
  FROM webhooks_lane lane JOIN webhooks_delivery item ON item.id IN (
        SELECT d.id FROM webhooks_delivery d
         WHERE d.integration_id = lane.integration_id AND d.status = 'pending' AND d.due_at <= %(now)s
           AND d.id NOT IN (SELECT value FROM json_each(%(exclude)s)) AND {_IS_FIRST}
         ORDER BY d.due_at LIMIT %(depth)s)
  JOIN integrations_integration integration ON integration.id = lane.integration_id
  JOIN events_event event ON event.id = item.event_id
 WHERE lane.integration_id IN (SELECT value FROM json_each(%(mine)s))
 ORDER BY item.due_at
"""  # noqa: S608 - made of constants

# Reads what DUE_ON_LANES left out of large messages.
READ_LARGE = """
SELECT item.id, event.body, event.document
  FROM webhooks_delivery item JOIN events_event event ON event.id = item.event_id
 WHERE item.id IN (SELECT value FROM json_each(%(ids)s))
"""

# Finds the lane at which a claim stopped because it had visited as many as it may.
LAST_VISITED = f"{PENDING} SELECT id FROM pending WHERE hop = %(hops)s AND id IS NOT NULL"  # noqa: S608

# Finds since when the delivery has been due that has waited longest among those that could be sent.
DUE_SINCE = f"""{PENDING}
SELECT min((SELECT d.due_at FROM webhooks_delivery d
             WHERE d.integration_id = pending.id AND d.status = 'pending' AND d.due_at <= %(now)s AND {_IS_FIRST}
             ORDER BY d.due_at LIMIT 1))
  FROM pending JOIN webhooks_lane lane ON lane.integration_id = pending.id
 WHERE NOT lane.on_hold AND (lane.held_until IS NULL OR lane.held_until <= %(now)s)
   AND (lane.next_at IS NULL OR lane.next_at <= %(now)s)
"""  # noqa: S608 - made of constants


def lease_and_read(
    request: ClaimRequest,
) -> tuple[dict[IntegrationId, LeasedLane], list[Claimed], IntegrationId | None]:
    as_text = connection.ops.adapt_datetimefield_value
    values = {
        "now": as_text(request.now),
        "earliest": as_text(request.now - request.lease_grace),
        "latest": as_text(request.now + LONGEST_LANE_LEASE),
        "after": _hexadecimal(request.after),
        "exclude": json.dumps([*map(_hexadecimal, request.exclude)]),
        "lanes": request.lanes,
        "depth": request.depth,
        "hops": CLAIM_MAX_LANES_VISITED,
        "sleeps_until": as_text(request.now + timedelta(seconds=request.sleep_seconds)),
        "large": LARGE_MESSAGE_BYTES,
    }
    with connection.cursor() as cursor:
        with transaction.atomic():
            free = [row[0] for row in cursor.execute(FREE_LANES, values).fetchall()]
            taken = _lease(cursor, request, free) if free else {}
            mine = [*free, *map(_hexadecimal, request.own)]
            rows = cursor.execute(DUE_ON_LANES, values | {"mine": json.dumps(mine)}).fetchall() if mine else []
            last = cursor.execute(LAST_VISITED, values).fetchone() if len(taken) < request.lanes else None
        sizes = [LargeMessage(*row[:3]) for row in rows if row[2] > LARGE_MESSAGE_BYTES]
        large: dict[DeliveryId, Sequence[Any]] = {}
        if chosen := choose_large(sizes, request.large_bytes):
            cursor.execute(READ_LARGE, {"ids": json.dumps([*chosen])})
            large = {delivery: content for delivery, *content in cursor.fetchall()}
    found = (row for row in rows if row[2] <= LARGE_MESSAGE_BYTES or row[0] in large)
    deliveries = read_each(found, lambda row: _claimed(row, large), lambda row: UUID(row[0]))
    return taken, deliveries, str(UUID(last[0])) if last else None


def _lease(cursor: CursorWrapper, request: ClaimRequest, free: Sequence[str]) -> dict[IntegrationId, LeasedLane]:
    until = connection.ops.adapt_datetimefield_value(request.now + LANE_LEASE)
    values = {"worker": request.worker, "leased_until": until, "free": json.dumps(free)}
    cursor.execute(LEASE, values)
    return {
        str(UUID(lane)): LeasedLane(
            failures, (_moment(next_at) - request.now).total_seconds() if next_at else None, *counters
        )
        for lane, failures, next_at, *counters in cursor.execute(READ_LANES, values).fetchall()
    }


def _claimed(row: Sequence[Any], large: Mapping[str, Sequence[Any]]) -> Claimed:
    identifier, lane, size, body, document, attempts, crashes, updated_at, active, *event = row
    event_id, name, occurred_at, created_at, traceparent = event
    if size <= LARGE_MESSAGE_BYTES:
        size = 0
    else:
        body, document = large[identifier]
    message = Message(
        id=public_id("evt", UUID(event_id)),
        name=name,
        occurred_at=_moment(occurred_at),
        body=body.encode(),
        document=json.loads(document) if document else None,
        delivery=public_id("dlv", UUID(identifier)),
        traceparent=traceparent or "",
    )
    return Claimed(
        str(UUID(identifier)),
        attempts,
        str(UUID(lane)),
        version_of(_moment(updated_at)),
        bool(active),
        message,
        _moment(created_at).timestamp(),
        size,
        crashes,
    )


def due_since(now: datetime) -> datetime | None:
    values = {
        "now": connection.ops.adapt_datetimefield_value(now),
        "after": _hexadecimal(NO_LANE),
        "hops": CLAIM_MAX_LANES_VISITED,
    }
    with connection.cursor() as cursor:
        moment = cursor.execute(DUE_SINCE, values).fetchone()[0]
    return parse_datetime(f"{moment}+00:00") if moment else None


def _moment(column: datetime) -> datetime:
    """A column's moment: SQLite stores no time zone."""
    return column.replace(tzinfo=UTC)


def _hexadecimal(identifier: DeliveryId | IntegrationId) -> str:
    """An id as SQLite stores it."""
    return identifier.replace("-", "")

"""The engine's SQL for PostgreSQL; `database.Statements` describes the functions.

Plain SQL because every delivery pays for it: the ORM cannot express the claim, and its `bulk_create` and
`bulk_update` take several times as long as the statements here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from integrations.registry import TYPES_WITHOUT_DOCUMENT
from invenicum.ids import uuid7
from invenicum.transactions import NOT_DURABLE

from ..models import Delivery
from .crashes import read_each
from .large_messages import LargeMessage, choose_large
from .postgresql_rows import as_json, claimed, copy_line, id_array, state_as_json
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
    LaneState,
    LeasedLane,
    NewDelivery,
    Outcome,
    Subscriber,
)

# Finds the integrations with pending deliveries, from one to the next through the partial index `delivery_due`, so that
# a million rows of one owner cost no more than one. The last row's id is NULL unless there were too many.
PENDING = """
WITH RECURSIVE pending (id, hop) AS (
    SELECT * FROM (
        SELECT integration_id, 1 FROM webhooks_delivery
         WHERE status = 'pending' AND due_at IS NOT NULL AND integration_id > %(after)s
         ORDER BY integration_id LIMIT 1) AS first
    UNION ALL
    SELECT (SELECT d.integration_id FROM webhooks_delivery d
             WHERE d.status = 'pending' AND d.due_at IS NOT NULL AND d.integration_id > pending.id
             ORDER BY d.integration_id LIMIT 1), hop + 1
      FROM pending WHERE pending.id IS NOT NULL AND hop < %(hops)s
)"""

# Makes the planner read the first few deliveries of a lane through `delivery_due`. Statistics are always behind the
# queue: if they say that next to nothing is pending, PostgreSQL would otherwise read and sort all of a lane's
# deliveries, a million in a flood. An EXISTS would leave it more plans to choose from. Sent with the claim.
ONLY_PRESORTED = "SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off;"

# True for a delivery that no earlier pending one on the same ordered integration precedes for the same order key: the
# first of a range that only the index `delivery_order` has in order.
_IS_FIRST = """
        (d.order_key = '' OR (
            SELECT earlier.id FROM webhooks_delivery earlier
             WHERE earlier.status = 'pending' AND earlier.order_key <> ''
               AND (earlier.integration_id, earlier.order_key, earlier.sequence)
                   >= (d.integration_id, d.order_key, 0)
               AND (earlier.integration_id, earlier.order_key, earlier.sequence)
                   < (d.integration_id, d.order_key, d.sequence)
             ORDER BY earlier.integration_id, earlier.order_key, earlier.sequence LIMIT 1) IS NULL)"""

# Leases free lanes on which something is due, and reads what is due on them and on the worker's own. Not durable: a
# lease that a crash of the server undoes is taken again.
CLAIM = f"""{NOT_DURABLE}{ONLY_PRESORTED}{PENDING}, due AS MATERIALIZED (
    SELECT id FROM pending
     WHERE (SELECT d.id FROM webhooks_delivery d
             WHERE d.integration_id = pending.id AND d.status = 'pending' AND d.due_at <= %(now)s AND {_IS_FIRST}
             ORDER BY d.due_at LIMIT 1) IS NOT NULL
), free AS MATERIALIZED (
    SELECT lane.integration_id
      FROM due JOIN webhooks_lane lane ON lane.integration_id = due.id
     WHERE (lane.leased_until IS NULL
            OR lane.leased_until
               NOT BETWEEN statement_timestamp() - %(grace)s AND statement_timestamp() + %(longest)s)
       AND (lane.held_until IS NULL OR lane.held_until <= %(now)s)
       AND (lane.next_at IS NULL OR lane.next_at <= statement_timestamp() + %(sleep)s)
       AND lane.xmin = (SELECT seen.xmin FROM webhooks_lane seen WHERE seen.integration_id = lane.integration_id)
     LIMIT %(lanes)s
       FOR UPDATE OF lane SKIP LOCKED
), taken AS (
    UPDATE webhooks_lane lane SET worker = %(worker)s, leased_until = statement_timestamp() + %(lease)s
      FROM free WHERE lane.integration_id = free.integration_id
    RETURNING lane.integration_id, lane.failures, lane.next_at
), mine AS (
    SELECT integration_id, failures, extract(epoch FROM next_at - statement_timestamp())::float8 AS next_in FROM taken
    UNION ALL
    SELECT unnest(%(own)s::uuid[]), NULL, NULL
)
SELECT looked.last, mine.integration_id::text, mine.failures, mine.next_in,
       (extract(epoch FROM i.updated_at) * 1000000)::bigint,
       i.status = 'active', d.id::text, d.attempt_count, 'evt_' || replace(e.id::text, '-', ''), e.name,
       extract(epoch FROM e.occurred_at)::float8, extract(epoch FROM e.created_at)::float8, size.bytes,
       CASE WHEN size.bytes <= %(large)s THEN e.body END,
       CASE WHEN size.bytes <= %(large)s AND i.type <> ALL(%(plain)s) THEN e.document::text END, d.crash_count
  FROM (SELECT (SELECT id::text FROM pending WHERE hop = %(hops)s) AS last) looked
  LEFT JOIN mine ON TRUE
  LEFT JOIN integrations_integration i ON i.id = mine.integration_id
  LEFT JOIN LATERAL (
    SELECT id, attempt_count, crash_count, event_id FROM webhooks_delivery d
     WHERE d.integration_id = mine.integration_id AND d.status = 'pending' AND d.due_at <= %(now)s
       AND d.id <> ALL(%(exclude)s::uuid[]) AND {_IS_FIRST}
     ORDER BY d.due_at LIMIT %(depth)s) d ON TRUE
  LEFT JOIN events_event e ON e.id = d.event_id
  LEFT JOIN LATERAL (SELECT octet_length(e.body) + coalesce(pg_column_size(e.document), 0) AS bytes) size ON TRUE
"""  # noqa: S608 - made of constants

# Reads what the claim left out of large messages.
READ_LARGE = """
SELECT d.id::text, e.body, e.document::text
  FROM webhooks_delivery d JOIN events_event e ON e.id = d.event_id
 WHERE d.id = ANY(%(ids)s::uuid[])
"""

# Ends a worker's leases.
RELEASE = """
UPDATE webhooks_lane SET worker = NULL, leased_until = NULL
 WHERE integration_id = ANY(%(lanes)s::uuid[]) AND worker = %(worker)s
"""

# Ends deliveries that succeeded.
WRITE_DELIVERED = """
UPDATE webhooks_delivery
   SET status = 'delivered', attempt_count = attempt_count + 1, crash_count = 0, due_at = NULL,
       error = '', finished_at = %(now)s
 WHERE id = ANY(%(ids)s::uuid[]) AND status = 'pending'
"""

# Notes on integrations that deliveries succeeded, at most once a second for each.
WRITE_SYNC = """
UPDATE integrations_integration SET last_sync = %(now)s, failing_since = NULL
 WHERE id IN (SELECT id FROM integrations_integration
               WHERE id = ANY(%(ids)s::uuid[])
                 AND (last_sync IS NULL OR last_sync < %(now)s - interval '1 second' OR failing_since IS NOT NULL)
               FOR UPDATE SKIP LOCKED)
"""

# Schedules or ends deliveries that failed, unless another worker has taken their lanes over. One that was suspended
# during the attempt (due_at NULL) stays suspended.
WRITE_FAILED = """
UPDATE webhooks_delivery d
   SET status = o.status, attempt_count = attempt_count + 1, crash_count = 0, error = o.error,
       due_at = CASE WHEN d.due_at IS NULL THEN NULL ELSE o.due_at END,
       finished_at = CASE WHEN o.status = 'pending' THEN NULL ELSE %(now)s END
  FROM json_to_recordset(%(outcomes)s) AS o (id uuid, lane uuid, status text, due_at timestamptz, error text),
       webhooks_lane lane
 WHERE d.id = o.id AND d.status = 'pending' AND lane.integration_id = o.lane AND lane.worker = %(worker)s
"""

# Logs attempts.
WRITE_ATTEMPTS = """
COPY webhooks_attempt (delivery_id, started_at, duration_ms, status_code, error_class, error, response_excerpt)
FROM STDIN
"""

# Writes failures in a row and holds of lanes, and when they may send next, if the worker leases them.
WRITE_LANE_STATES = """
UPDATE webhooks_lane lane
   SET failures = coalesce(s.failures, lane.failures),
       held_until = CASE WHEN s.failures IS NULL THEN lane.held_until ELSE s.held_until END,
       next_at = coalesce(statement_timestamp() + s.next_in * interval '1 second', lane.next_at)
  FROM json_to_recordset(%(states)s) AS s (id uuid, failures integer, held_until timestamptz, next_in float8)
 WHERE lane.integration_id = s.id AND lane.worker = %(worker)s
"""

# Notes since when integrations have been failing.
WRITE_FAILING = """
UPDATE integrations_integration SET failing_since = %(now)s
 WHERE id IN (SELECT i.id FROM integrations_integration i JOIN webhooks_lane lane ON lane.integration_id = i.id
               WHERE i.id = ANY(%(ids)s::uuid[]) AND i.failing_since IS NULL AND lane.worker = %(worker)s
               FOR UPDATE OF i SKIP LOCKED)
"""

# Finds since when the delivery has been due that has waited longest among those that could be sent.
DUE_SINCE = f"""{ONLY_PRESORTED}{PENDING}
SELECT min((SELECT d.due_at FROM webhooks_delivery d
             WHERE d.integration_id = pending.id AND d.status = 'pending' AND d.due_at <= %(now)s AND {_IS_FIRST}
             ORDER BY d.due_at LIMIT 1))
  FROM pending JOIN webhooks_lane lane ON lane.integration_id = pending.id
 WHERE (lane.held_until IS NULL OR lane.held_until <= %(now)s) AND (lane.next_at IS NULL OR lane.next_at <= %(now)s)
"""  # noqa: S608 - made of constants

# Inserts the deliveries of new events.
INSERT_DELIVERIES = """
INSERT INTO webhooks_delivery
       (id, event_id, integration_id, owner_id, status, due_at, attempt_count, order_key, sequence,
        error, created_at)
SELECT id, event, integration, owner, 'pending', CASE WHEN NOT waits THEN %(due_at)s END, 0, key, sequence, '', %(now)s
  FROM json_to_recordset(%(rows)s)
       AS wanted (id uuid, event uuid, integration uuid, owner bigint, waits boolean, key text,
                  sequence bigint)
"""


# The integrations of some owners that get deliveries, and what they want.
FIND_SUBSCRIBERS = """
SELECT owner_id, id, status, subscriptions::text, ordered OR snapshots_pending FROM integrations_integration
 WHERE owner_id = ANY(%(owners)s) AND status IN ('active', 'needs_reconnect') AND deleted_at IS NULL
"""


def lease_and_read(
    request: ClaimRequest,
) -> tuple[dict[IntegrationId, LeasedLane], list[Claimed], IntegrationId | None]:
    arguments: dict[str, Any] = {
        "worker": request.worker,
        "now": request.now,
        "lease": LANE_LEASE,
        "longest": LONGEST_LANE_LEASE,
        "grace": request.lease_grace,
        "after": request.after,
        "lanes": request.lanes,
        "depth": request.depth,
        "own": id_array(request.own),
        "exclude": id_array(request.exclude),
        "hops": CLAIM_MAX_LANES_VISITED,
        "sleep": timedelta(seconds=request.sleep_seconds),
        "large": LARGE_MESSAGE_BYTES,
        "plain": TYPES_WITHOUT_DOCUMENT,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, arguments)
        while cursor.nextset():
            pass
        rows = cursor.fetchall()
        taken = {lane: LeasedLane(failures, wait) for _, lane, failures, wait, *_ in rows if failures is not None}
        sizes = [LargeMessage(row[6], row[1], row[12]) for row in rows if row[6] and row[12] > LARGE_MESSAGE_BYTES]
        large: dict[DeliveryId, Sequence[Any]] = {}
        if chosen := choose_large(sizes, request.large_bytes):
            cursor.execute(READ_LARGE, {"ids": id_array(chosen)})
            large = {delivery: content for delivery, *content in cursor.fetchall()}
    found = (row for row in rows if row[6] and (row[13] is not None or row[6] in large))
    return taken, read_each(found, lambda row: claimed(row, large), lambda row: row[6]), rows[0][0]


def release(worker: int, lanes: Collection[IntegrationId]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, {"worker": worker, "lanes": id_array(lanes)})


def write_outcomes(worker: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    delivered = [outcome for outcome in outcomes if outcome.status == Delivery.Status.DELIVERED]
    failed = [outcome for outcome in outcomes if outcome.status != Delivery.Status.DELIVERED]
    with connection.cursor() as cursor:
        # First: while the server waits for data no timeout ends a statement, and nothing is locked yet.
        if outcomes:
            with connection.wrap_database_errors, cursor.copy(WRITE_ATTEMPTS) as copy:
                copy.write("".join(map(copy_line, outcomes)))
        if delivered:
            ids = id_array(outcome.delivery_id for outcome in delivered)
            cursor.execute(WRITE_DELIVERED, {"now": now, "ids": ids})
            synced = id_array({outcome.integration_id for outcome in delivered})
            cursor.execute(WRITE_SYNC, {"now": now, "ids": synced})
        if failed:
            rows = json.dumps([as_json(one) for one in failed])
            cursor.execute(WRITE_FAILED, {"worker": worker, "now": now, "outcomes": rows})


def write_lane_states(worker: int, states: Mapping[IntegrationId, LaneState], now: datetime) -> None:
    clock = time.monotonic()
    rows = [state_as_json(lane, state, clock) for lane, state in states.items()]
    failing = [lane for lane, state in states.items() if state.failures]
    with connection.cursor() as cursor:
        cursor.execute(WRITE_LANE_STATES, {"worker": worker, "states": json.dumps(rows)})
        if failing:
            cursor.execute(WRITE_FAILING, {"worker": worker, "now": now, "ids": id_array(failing)})


def insert_deliveries(deliveries: Sequence[NewDelivery], now: datetime, due_at: datetime) -> None:
    rows = [
        {
            "id": str(uuid7()),
            "event": str(delivery.event_id),
            "integration": str(delivery.integration_id),
            "owner": delivery.owner_id,
            "waits": delivery.waits,
            "key": delivery.order_key,
            "sequence": delivery.sequence,
        }
        for delivery in deliveries
    ]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_DELIVERIES, {"rows": json.dumps(rows), "now": now, "due_at": due_at})


def subscribers(owners: Collection[int]) -> list[Subscriber]:
    with connection.cursor() as cursor:
        cursor.execute(FIND_SUBSCRIBERS, {"owners": f"{{{','.join(map(str, owners))}}}"})
        return [
            Subscriber(owner, integration, status != "active", json.loads(patterns), ordered)
            for owner, integration, status, patterns, ordered in cursor.fetchall()
        ]


def due_since(now: datetime) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(DUE_SINCE, {"now": now, "after": NO_LANE, "hops": CLAIM_MAX_LANES_VISITED})
        while cursor.nextset():
            pass
        moment: datetime | None = cursor.fetchone()[0]
    return moment

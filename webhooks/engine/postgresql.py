"""The engine's SQL for PostgreSQL, with `postgresql_claim.py`; `database.Statements` describes the functions.

Plain SQL because every delivery pays for it: the ORM cannot express the claim, and its `bulk_create` and
`bulk_update` take several times as long as the statements here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from django.db import connection

from invenicum.ids import uuid7
from invenicum.transactions import defer

from ..models import Delivery
from .postgresql_claim import due_since, lease_and_read
from .postgresql_rows import as_json, copy_line, counts_as_json, id_array, state_as_json
from .values import (
    SUM_COLUMNS,
    Beat,
    HourlyCounts,
    IntegrationId,
    LaneState,
    Neighbour,
    NewDelivery,
    Outcome,
    Subscriber,
)

__all__ = [
    "add_to_sums",
    "beat",
    "due_since",
    "insert_deliveries",
    "lease_and_read",
    "release",
    "subscribers",
    "write_lane_states",
    "write_outcomes",
]

# Ends a worker's leases.
RELEASE = """
UPDATE webhooks_lane SET worker = NULL, leased_until = NULL
 WHERE integration_id = ANY(%(lanes)s::uuid[]) AND worker = %(worker)s
"""

# Ends deliveries that succeeded.
WRITE_DELIVERED = """
UPDATE webhooks_delivery
   SET status = 'delivered', attempt_count = attempt_count + 1, crash_count = 0, due_at = NULL,
       error = '', error_class = '', status_code = NULL, finished_at = %(now)s
 WHERE id = ANY(%(ids)s::uuid[]) AND status = 'pending'
"""

# Notes on integrations that deliveries succeeded, at most once a second for each.
WRITE_SYNC = """
UPDATE integrations_integration SET last_sync = %(now)s, failing_since = NULL, problem = '', problem_fault = ''
 WHERE id IN (SELECT id FROM integrations_integration
               WHERE id = ANY(%(ids)s::uuid[])
                 AND (last_sync IS NULL OR last_sync < %(now)s - interval '1 second' OR failing_since IS NOT NULL
                      OR problem_fault <> '')
               FOR UPDATE SKIP LOCKED)
"""

# Schedules or ends deliveries that failed, unless another worker has taken their lanes over. One that was suspended
# during the attempt (due_at NULL) stays suspended.
WRITE_FAILED = """
UPDATE webhooks_delivery d
   SET status = o.status, crash_count = 0, error = o.error, error_class = o.class, status_code = o.code,
       attempt_count = attempt_count + CASE WHEN o.counts THEN 1 ELSE 0 END,
       held_attempt_count = held_attempt_count + CASE WHEN o.counts THEN 0 ELSE 1 END,
       due_at = CASE WHEN d.due_at IS NULL THEN NULL ELSE o.due_at END,
       finished_at = CASE WHEN o.status = 'pending' THEN NULL ELSE %(now)s END
  FROM json_to_recordset(%(outcomes)s)
       AS o (id uuid, lane uuid, status text, due_at timestamptz, error text, class text, code smallint,
             counts boolean),
       webhooks_lane lane
 WHERE d.id = o.id AND d.status = 'pending' AND lane.integration_id = o.lane AND lane.worker = %(worker)s
"""

# Logs attempts.
WRITE_ATTEMPTS = """
COPY webhooks_attempt (delivery_id, started_at, duration_ms, status_code, error_class, error, response_excerpt)
FROM STDIN
"""

# Writes counters and holds of lanes, and when they may send next, if the worker leases them.
WRITE_LANE_STATES = """
UPDATE webhooks_lane lane
   SET failures = coalesce(s.failures, lane.failures),
       openings = CASE WHEN s.failures IS NULL THEN lane.openings ELSE s.openings END,
       rejections = CASE WHEN s.failures IS NULL THEN lane.rejections ELSE s.rejections END,
       held_until = CASE WHEN s.failures IS NULL THEN lane.held_until ELSE s.held_until END,
       next_at = coalesce(statement_timestamp() + s.next_in * interval '1 second', lane.next_at)
  FROM json_to_recordset(%(states)s)
       AS s (id uuid, failures integer, openings integer, rejections integer, held_until timestamptz, next_in float8)
 WHERE lane.integration_id = s.id AND lane.worker = %(worker)s
"""

# Notes since when integrations have been failing, and why.
WRITE_FAILING = """
WITH state AS (
    SELECT * FROM json_to_recordset(%(states)s) AS s (id uuid, failures integer, problem text, fault text)
), free AS (
    SELECT i.id FROM state JOIN integrations_integration i ON i.id = state.id
                           JOIN webhooks_lane lane ON lane.integration_id = i.id
     WHERE lane.worker = %(worker)s AND i.deleted_at IS NULL
       AND ((state.failures > 0 AND i.failing_since IS NULL)
            OR (state.problem IS NOT NULL AND (state.problem, state.fault) <> (i.problem, i.problem_fault)))
       FOR UPDATE OF i SKIP LOCKED
)
UPDATE integrations_integration i
   SET failing_since = CASE WHEN state.failures > 0 THEN coalesce(i.failing_since, %(now)s) ELSE i.failing_since END,
       problem = coalesce(state.problem, i.problem), problem_fault = coalesce(state.fault, i.problem_fault)
  FROM state JOIN free ON free.id = state.id
 WHERE i.id = state.id
"""

# Writes a worker's heartbeat, and reads which other workers of its machine have not ended.
BEAT = """
WITH written AS (
    UPDATE webhooks_engineheartbeat
       SET last_drain_at = %(last_drain_at)s, last_outcome_at = %(last_outcome_at)s, counters = %(counters)s,
           mark = %(mark)s, machine = %(machine)s, process_id = %(process_id)s, process_started = %(process_started)s
     WHERE worker = %(worker)s
    RETURNING worker
)
SELECT EXISTS (SELECT FROM written), other.worker, other.process_id, other.process_started
  FROM (VALUES (1)) AS one
       LEFT JOIN webhooks_engineheartbeat other
              ON other.machine = %(machine)s AND other.mark IS NOT NULL
                 AND (other.process_id, other.process_started) <> (%(process_id)s, %(process_started)s)
"""

# Adds to the hourly sums of integrations.
ADD_TO_SUMS = """
INSERT INTO webhooks_hourlysum (integration_id, hour, {columns})
SELECT id, to_timestamp(hour * 3600.0), {values}
  FROM json_to_recordset(%(counts)s) AS c (id uuid, hour integer, {types})
 ORDER BY id, hour
    ON CONFLICT (integration_id, hour) DO UPDATE SET {sums}
""".format(
    columns=", ".join(SUM_COLUMNS),
    values=", ".join(f"coalesce({name}, 0)" for name in SUM_COLUMNS),
    types=", ".join(f"{name} integer" for name in SUM_COLUMNS),
    sums=", ".join(f"{name} = webhooks_hourlysum.{name} + excluded.{name}" for name in SUM_COLUMNS),
)

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
    failing = [row for row in rows if row["failures"] or row["problem"]]
    with connection.cursor() as cursor:
        cursor.execute(WRITE_LANE_STATES, {"worker": worker, "states": json.dumps(rows)})
        if failing:
            cursor.execute(WRITE_FAILING, {"worker": worker, "now": now, "states": json.dumps(failing)})


def beat(beat: Beat) -> tuple[bool, list[Neighbour]]:
    with connection.cursor() as cursor:
        cursor.execute(BEAT, asdict(beat))
        rows = cursor.fetchall()
    return rows[0][0], [Neighbour(*other) for _, *other in rows if other[0]]


def add_to_sums(counts: HourlyCounts) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ADD_TO_SUMS, {"counts": json.dumps(counts_as_json(counts))})


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
    defer(INSERT_DELIVERIES, {"rows": json.dumps(rows), "now": now, "due_at": due_at})


def subscribers(owners: Collection[int]) -> list[Subscriber]:
    with connection.cursor() as cursor:
        cursor.execute(FIND_SUBSCRIBERS, {"owners": f"{{{','.join(map(str, owners))}}}"})
        return [
            Subscriber(owner, integration, status != "active", json.loads(patterns), ordered)
            for owner, integration, status, patterns, ordered in cursor.fetchall()
        ]

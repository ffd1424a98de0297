"""The engine's SQL for PostgreSQL that finds and claims what is due; `database.Statements` describes the functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from integrations.registry import TYPES_WITHOUT_DOCUMENT
from invenicum.postgresql.prepared import Prepared
from invenicum.transactions import NOT_DURABLE

from .crashes import read_each
from .large_messages import LargeMessage, choose_large
from .postgresql_rows import claimed, id_array
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

# Leases free lanes on which something is due, and reads what is due on them and on the worker's own.
CLAIM = f"""{PENDING}, due AS MATERIALIZED (
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
       AND NOT lane.on_hold
       AND (lane.held_until IS NULL OR lane.held_until <= %(now)s)
       AND (lane.next_at IS NULL OR lane.next_at <= statement_timestamp() + %(sleep)s)
       AND lane.xmin = (SELECT seen.xmin FROM webhooks_lane seen WHERE seen.integration_id = lane.integration_id)
     LIMIT %(lanes)s
       FOR UPDATE OF lane SKIP LOCKED
), taken AS (
    UPDATE webhooks_lane lane SET worker = %(worker)s, leased_until = statement_timestamp() + %(lease)s
      FROM free WHERE lane.integration_id = free.integration_id
    RETURNING lane.integration_id, lane.failures, lane.next_at, lane.openings, lane.rejections
), mine AS (
    SELECT integration_id, failures, extract(epoch FROM next_at - statement_timestamp())::float8 AS next_in,
           openings, rejections FROM taken
    UNION ALL
    SELECT unnest(%(own)s::uuid[]), NULL, NULL, NULL, NULL
)
SELECT looked.last, mine.integration_id::text, mine.failures, mine.next_in,
       (extract(epoch FROM i.updated_at) * 1000000)::bigint,
       i.status = 'active', d.id::text, d.attempt_count, 'evt_' || replace(e.id::text, '-', ''), e.name,
       extract(epoch FROM e.occurred_at)::float8, extract(epoch FROM e.created_at)::float8, size.bytes,
       CASE WHEN size.bytes <= %(large)s THEN e.body END,
       CASE WHEN size.bytes <= %(large)s AND i.type <> ALL(%(plain)s) THEN e.document::text END, d.crash_count,
       mine.openings, mine.rejections, e.traceparent
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

# Not durable: a lease that a crash of the server undoes is taken again.
CLAIM_SETTINGS = f"{NOT_DURABLE}{ONLY_PRESORTED}"

# The claim of a worker that has nothing to do: planning it would take longer than everything else that an event waits
# for. The plan is kept while the tables grow, so that each row is to be found through an index, whatever there is now.
IDLE_CLAIM = Prepared(
    name="idle_claim",
    sql=CLAIM,
    types={
        "worker": "bigint",
        "now": "timestamptz",
        "lease": "interval",
        "longest": "interval",
        "grace": "interval",
        "after": "uuid",
        "lanes": "bigint",
        "depth": "bigint",
        "own": "uuid[]",
        "exclude": "uuid[]",
        "hops": "integer",
        "sleep": "interval",
        "large": "integer",
        "plain": "text[]",
    },
    settings=f"{CLAIM_SETTINGS}SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; "
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;",
)

# Reads what the claim left out of large messages.
READ_LARGE = """
SELECT d.id::text, e.body, e.document::text
  FROM webhooks_delivery d JOIN events_event e ON e.id = d.event_id
 WHERE d.id = ANY(%(ids)s::uuid[])
"""

# Finds since when the delivery has been due that has waited longest among those that could be sent.
DUE_SINCE = f"""{ONLY_PRESORTED}{PENDING}
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
        # With long lists to exclude a plan for these is better than one for any.
        is_idle = not (request.own or request.exclude)
        if not (is_idle and IDLE_CLAIM.execute(cursor, arguments)):
            cursor.execute(f"{CLAIM_SETTINGS}{CLAIM}", arguments)
            while cursor.nextset():
                pass
        rows = cursor.fetchall()
        taken = {row[1]: LeasedLane(row[2], row[3], row[16], row[17]) for row in rows if row[2] is not None}
        sizes = [LargeMessage(row[6], row[1], row[12]) for row in rows if row[6] and row[12] > LARGE_MESSAGE_BYTES]
        large: dict[DeliveryId, Sequence[Any]] = {}
        if chosen := choose_large(sizes, request.large_bytes):
            cursor.execute(READ_LARGE, {"ids": id_array(chosen)})
            large = {delivery: content for delivery, *content in cursor.fetchall()}
    found = (row for row in rows if row[6] and (row[13] is not None or row[6] in large))
    return taken, read_each(found, lambda row: claimed(row, large), lambda row: row[6]), rows[0][0]


def due_since(now: datetime) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(DUE_SINCE, {"now": now, "after": NO_LANE, "hops": CLAIM_MAX_LANES_VISITED})
        while cursor.nextset():
            pass
        moment: datetime | None = cursor.fetchone()[0]
    return moment

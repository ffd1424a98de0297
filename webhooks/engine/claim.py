"""The queue in the database: taking lanes, reading what is due on them, and giving them back.

One statement on PostgreSQL, which the ORM could not say; SQLite, with one writer and no network, does the same step by
step. What became of the deliveries is written by `webhooks.engine.outcomes`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from integrations.models import Integration
from invenicum.events.message import Message

from ..models import Delivery, Lane

# Ids are texts here: a `uuid.UUID` costs a microsecond each time it is made, compared or put into a set.
Id = str
NO_LANE: Id = str(UUID(int=0))
MAX_HOPS = 2000  # lanes with pending deliveries that one claim looks at
# Leases go by the database's clock, which all workers share. One that lasts longer than any can was taken before that
# clock was set back.
LEASE = timedelta(seconds=20)
LONGEST_LEASE = 2 * LEASE

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery for this worker to try. `version` changes whenever the integration's configuration may have."""

    id: Id
    attempt_count: int
    integration_id: Id
    version: int
    active: bool
    message: Message
    published_at: float  # Unix seconds


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim brought: the lanes taken → their failures in a row, and deliveries on these and on the worker's own.

    `after` is where the next claim goes on: NO_LANE where there was nothing further.
    """

    lanes: dict[Id, int]
    deliveries: list[Claimed]
    after: Id


def new_worker() -> int:
    """A worker's mark."""
    return secrets.randbits(62)


def claim(
    worker: int,
    *,
    now: datetime,
    after: Id,
    lanes: int,
    depth: int,
    own: Collection[Id],
    held: Collection[Id],
) -> Claim:
    """Takes up to `lanes` free lanes on which something is due, and reads up to `depth` deliveries of each.

    Lanes are visited in the order of their ids behind `after`: a caller that goes on where it stopped, and then
    begins anew, serves all of them in turn. `own` are lanes that the worker already holds and that have room for
    more; the deliveries in `held` are not read again.
    """
    arguments = {
        "worker": worker,
        "now": now,
        "lease": LEASE,
        "longest": LONGEST_LEASE,
        "after": after,
        "lanes": lanes,
        "depth": depth,
        "own": own,
        "held": held,
        "hops": MAX_HOPS,
    }
    if connection.vendor == "postgresql":
        return _claim_in_one_statement(arguments)
    return _claim_step_by_step(arguments)


def id_array(ids: Iterable[Id]) -> str:
    """An array of ids as PostgreSQL spells it; psycopg would take ten times as long."""
    return "{" + ",".join(ids) + "}"


# Hops through the partial index from one integration with pending deliveries to the next, so that a million rows of
# one owner cost no more than one row. The last hop leads nowhere unless there were too many.
_PENDING = """
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
# Statistics are always behind the queue. Where they say that next to nothing is pending PostgreSQL would read all of a
# lane's deliveries, or of all lanes', and sort them: a million in a flood. Without sorts what is left is to read the
# first few through `delivery_due`, whatever the statistics say; an EXISTS would leave it more. Sent with the claim.
ONLY_PRESORTED = "SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off;"
# On an ordered integration, not behind an earlier delivery about the same thing: the first of a range that only the
# index `delivery_order` has in order.
_IS_FIRST = f"""
        (d.order_key = '' OR (
            SELECT earlier.id FROM webhooks_delivery earlier
             WHERE earlier.status = 'pending' AND earlier.order_key <> ''
               AND (earlier.integration_id, earlier.order_key, earlier.id)
                   >= (d.integration_id, d.order_key, '{NO_LANE}')
               AND (earlier.integration_id, earlier.order_key, earlier.id)
                   < (d.integration_id, d.order_key, d.id)
             ORDER BY earlier.integration_id, earlier.order_key, earlier.id LIMIT 1) IS NULL)"""  # noqa: S608
CLAIM = f"""{ONLY_PRESORTED}{_PENDING}, due AS MATERIALIZED (
    SELECT id FROM pending
     WHERE (SELECT d.id FROM webhooks_delivery d
             WHERE d.integration_id = pending.id AND d.status = 'pending' AND d.due_at <= %(now)s AND {_IS_FIRST}
             ORDER BY d.due_at LIMIT 1) IS NOT NULL
), free AS MATERIALIZED (
    SELECT lane.integration_id
      FROM due JOIN webhooks_lane lane ON lane.integration_id = due.id
     WHERE (lane.leased_until IS NULL
            OR lane.leased_until NOT BETWEEN statement_timestamp() AND statement_timestamp() + %(longest)s)
       AND (lane.held_until IS NULL OR lane.held_until <= %(now)s)
       AND lane.xmin = (SELECT seen.xmin FROM webhooks_lane seen WHERE seen.integration_id = lane.integration_id)
     LIMIT %(lanes)s
       FOR UPDATE OF lane SKIP LOCKED
), taken AS (
    UPDATE webhooks_lane lane SET worker = %(worker)s, leased_until = statement_timestamp() + %(lease)s
      FROM free WHERE lane.integration_id = free.integration_id
    RETURNING lane.integration_id, lane.failures
), mine AS (
    SELECT integration_id, failures FROM taken
    UNION ALL
    SELECT unnest(%(own)s::uuid[]), NULL
)
SELECT looked.last, mine.integration_id::text, mine.failures, (extract(epoch FROM i.updated_at) * 1000000)::bigint,
       i.status = 'active', d.id::text, d.attempt_count, 'evt_' || replace(e.id::text, '-', ''), e.name,
       extract(epoch FROM e.occurred_at)::float8, e.body, e.document::text, extract(epoch FROM e.created_at)::float8
  FROM (SELECT (SELECT id::text FROM pending WHERE hop = %(hops)s) AS last) looked
  LEFT JOIN mine ON TRUE
  LEFT JOIN integrations_integration i ON i.id = mine.integration_id
  LEFT JOIN LATERAL (
    SELECT id, attempt_count, event_id FROM webhooks_delivery d
     WHERE d.integration_id = mine.integration_id AND d.status = 'pending' AND d.due_at <= %(now)s
       AND d.id <> ALL(%(held)s::uuid[]) AND {_IS_FIRST}
     ORDER BY d.due_at LIMIT %(depth)s) d ON TRUE
  LEFT JOIN events_event e ON e.id = d.event_id
"""  # noqa: S608 - made of constants


def _claim_in_one_statement(arguments: dict[str, Any]) -> Claim:
    arguments = arguments | {"own": id_array(arguments["own"]), "held": id_array(arguments["held"])}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, arguments)
        while cursor.nextset():
            pass
        rows = cursor.fetchall()
    taken = {lane: failures for _, lane, failures, *_ in rows if failures is not None}
    # Where not all that were wanted are free, there may be more behind those that were looked at.
    after = max(taken) if len(taken) == arguments["lanes"] else rows[0][0] or NO_LANE
    return Claim(taken, [_claimed(row) for row in rows if row[5]], after)


def _claimed(row: Sequence[Any]) -> Claimed:
    (
        _,
        integration_id,
        _,
        version,
        active,
        delivery_id,
        attempts,
        event_id,
        name,
        occurred_at,
        body,
        document,
        published_at,
    ) = row
    message = Message(
        id=event_id,
        name=name,
        occurred_at=datetime.fromtimestamp(occurred_at, UTC),
        body=body.encode(),
        document=json.loads(document) if document else None,
    )
    return Claimed(delivery_id, attempts, integration_id, version, active, message, published_at)


# SQLite has neither LATERAL nor locks of rows. The conditions stand in the text as in the partial index, because it
# would not recognize them otherwise.
_IS_FIRST_HERE = """
        (d.order_key = '' OR NOT EXISTS (
            SELECT 1 FROM webhooks_delivery earlier INDEXED BY delivery_order
             WHERE earlier.integration_id = d.integration_id AND earlier.status = 'pending'
               AND NOT (earlier.order_key = '') AND earlier.order_key = d.order_key AND earlier.id < d.id))"""
FREE_LANES = f"""{_PENDING}
SELECT lane.integration_id
  FROM pending JOIN webhooks_lane lane ON lane.integration_id = pending.id
 WHERE (lane.leased_until IS NULL OR lane.leased_until NOT BETWEEN %(now)s AND %(latest)s)
   AND (lane.held_until IS NULL OR lane.held_until <= %(now)s)
   AND EXISTS (SELECT 1 FROM webhooks_delivery d
                WHERE d.integration_id = pending.id AND d.status = 'pending' AND d.due_at <= %(now)s
                  AND {_IS_FIRST_HERE})
 LIMIT %(lanes)s
"""  # noqa: S608 - made of constants
DUE_ON_LANES = f"""
SELECT item.id
  FROM webhooks_lane lane JOIN webhooks_delivery item ON item.id IN (
        SELECT d.id FROM webhooks_delivery d
         WHERE d.integration_id = lane.integration_id AND d.status = 'pending' AND d.due_at <= %(now)s
           AND d.id NOT IN (SELECT value FROM json_each(%(held)s)) AND {_IS_FIRST_HERE}
         ORDER BY d.due_at LIMIT %(depth)s)
 WHERE lane.integration_id IN (SELECT value FROM json_each(%(mine)s))
 ORDER BY item.due_at
"""  # noqa: S608 - made of constants
LAST_HOP_IN_TEXT = f"{_PENDING} SELECT id FROM pending WHERE hop = %(hops)s AND id IS NOT NULL"  # noqa: S608


def _claim_step_by_step(arguments: dict[str, Any]) -> Claim:
    now, as_text = arguments["now"], connection.ops.adapt_datetimefield_value
    values = {
        "now": as_text(now),
        "latest": as_text(now + LONGEST_LEASE),
        "after": _hexadecimal(arguments["after"]),
        "held": json.dumps([*map(_hexadecimal, arguments["held"])]),
        **{name: arguments[name] for name in ("lanes", "depth", "hops")},
    }
    with transaction.atomic(), connection.cursor() as cursor:
        free = [UUID(row[0]) for row in cursor.execute(FREE_LANES, values).fetchall()]
        lanes = Lane.objects.filter(pk__in=free)
        lanes.update(worker=arguments["worker"], leased_until=now + LEASE)
        taken = {str(lane): failures for lane, failures in lanes.values_list("pk", "failures")}
        values["mine"] = json.dumps([*map(_hexadecimal, (*taken, *arguments["own"]))])
        ids = [row[0] for row in cursor.execute(DUE_ON_LANES, values).fetchall()]
        last = cursor.execute(LAST_HOP_IN_TEXT, values).fetchone() if len(taken) < arguments["lanes"] else None
    known = Delivery.objects.select_related("event", "integration").defer("integration__secrets").in_bulk(ids)
    rows = [known[UUID(delivery)] for delivery in ids]
    after = max(taken) if len(taken) == arguments["lanes"] else str(UUID(last[0])) if last else NO_LANE
    return Claim(
        lanes=taken,
        deliveries=[
            Claimed(
                str(delivery.id),
                delivery.attempt_count,
                str(delivery.integration_id),
                version_of(delivery.integration.updated_at),
                delivery.integration.is_active,
                delivery.event.message(),
                delivery.event.created_at.timestamp(),
            )
            for delivery in rows
        ],
        after=after,
    )


def _hexadecimal(identifier: Id) -> str:
    """An id as SQLite has it."""
    return identifier.replace("-", "")


def renew(worker: int, lanes: Collection[Id]) -> list[Id]:
    """Prolongs the leases of lanes on which the worker still has something under way.

    Returns those that it has lost, having been silent for too long.
    """
    mine = Lane.objects.filter(pk__in=map(UUID, lanes), worker=worker)
    if mine.update(leased_until=Now() + LEASE) == len(lanes):
        return []
    kept = {str(lane) for lane in mine.values_list("pk", flat=True)}
    return [lane for lane in lanes if lane not in kept]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def version_of(updated_at: datetime) -> int:
    """The version of an integration that was last saved then: microseconds since 1970."""
    return (updated_at - _EPOCH) // timedelta(microseconds=1)


def changed(versions: Mapping[Id, int]) -> list[Id]:
    """The integrations that are not as they were at that version: paused, deleted or configured anew."""
    rows = Integration.objects.filter(id__in=versions).values_list("id", "updated_at", "status", "deleted_at")
    return [
        str(integration_id)
        for integration_id, updated_at, status, deleted_at in rows
        if version_of(updated_at) != versions[str(integration_id)] or status != Integration.Status.ACTIVE or deleted_at
    ]


RELEASE = """
UPDATE webhooks_lane SET worker = NULL, leased_until = NULL
 WHERE integration_id = ANY(%(lanes)s::uuid[]) AND worker = %(worker)s
"""


def release(worker: int, lanes: Collection[Id]) -> None:
    """Gives lanes back, for any worker to take at once."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(RELEASE, {"worker": worker, "lanes": id_array(lanes)})
    else:
        Lane.objects.filter(pk__in=map(UUID, lanes), worker=worker).update(worker=None, leased_until=None)


def hold(deliveries: Collection[Id]) -> None:
    """Puts away deliveries whose integration turned out not to be active, to wait until it is."""
    Delivery.objects.filter(id__in=deliveries, status=Delivery.Status.PENDING).update(due_at=None)


def postpone(deliveries: Collection[Id], due_at: datetime) -> None:
    """Puts off deliveries that could not be tried; what was put on hold meanwhile stays so."""
    pending = Delivery.objects.filter(id__in=deliveries, status=Delivery.Status.PENDING, due_at__isnull=False)
    pending.update(due_at=due_at)

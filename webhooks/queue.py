"""The queue in the database: taking lanes, reading what is due on them, and writing down what became of it.

Plain SQL on PostgreSQL, where it matters: the ORM's `bulk_update` builds a CASE over every row and its `bulk_create`
adapts values one by one, together several times the cost of the arrays used here. SQLite, with one writer and no
network, does the same through the ORM.
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
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Case, DateTimeField, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Now

from integrations.models import Integration
from invenicum.events.message import Message

from .models import Attempt, Delivery, Lane

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
class Outcome:
    """One try, ready to be written. `due_at` is set where there will be another."""

    delivery_id: Id
    integration_id: Id
    status: str
    due_at: datetime | None
    error: str
    started_at: datetime
    duration_ms: int
    status_code: int | None
    error_class: str
    response_excerpt: str


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


# On an ordered integration, not behind an earlier delivery about the same thing.
_IS_FIRST = """
        (d.order_key = '' OR NOT EXISTS (
            SELECT 1 FROM webhooks_delivery earlier
             WHERE earlier.integration_id = d.integration_id AND earlier.status = 'pending'
               AND earlier.order_key <> '' AND earlier.order_key = d.order_key AND earlier.id < d.id))"""
# Hops through the partial index from one integration with pending deliveries to the next, so that a million rows of
# one owner cost no more than one row.
_PENDING = """
WITH RECURSIVE pending (id, hop) AS (
    (SELECT integration_id, 1 FROM webhooks_delivery
      WHERE status = 'pending' AND due_at IS NOT NULL AND integration_id > %(after)s
      ORDER BY integration_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.integration_id FROM webhooks_delivery d
             WHERE d.status = 'pending' AND d.due_at IS NOT NULL AND d.integration_id > pending.id
             ORDER BY d.integration_id LIMIT 1), hop + 1
      FROM pending WHERE pending.id IS NOT NULL AND hop < %(hops)s
)"""
# A lane is locked as it is by then, but its deliveries are read as they were when the statement began. `xmin` differs
# where another worker has had the lane in between: what that one delivered would be sent again.
CLAIM = f"""{_PENDING}, free AS MATERIALIZED (
    SELECT lane.integration_id
      FROM pending JOIN webhooks_lane lane ON lane.integration_id = pending.id
     WHERE (lane.leased_until IS NULL
            OR lane.leased_until NOT BETWEEN statement_timestamp() AND statement_timestamp() + %(longest)s)
       AND (lane.held_until IS NULL OR lane.held_until <= %(now)s)
       AND EXISTS (SELECT 1 FROM webhooks_delivery d
                    WHERE d.integration_id = pending.id AND d.status = 'pending' AND d.due_at <= %(now)s
                      AND {_IS_FIRST})
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
SELECT mine.integration_id::text, mine.failures, (extract(epoch FROM i.updated_at) * 1000000)::bigint,
       i.status = 'active', d.id::text, d.attempt_count, 'evt_' || replace(e.id::text, '-', ''), e.name,
       extract(epoch FROM e.occurred_at)::float8, e.body, e.document::text, extract(epoch FROM e.created_at)::float8
  FROM mine
  JOIN integrations_integration i ON i.id = mine.integration_id
  LEFT JOIN LATERAL (
    SELECT id, attempt_count, event_id FROM webhooks_delivery d
     WHERE d.integration_id = mine.integration_id AND d.status = 'pending' AND d.due_at <= %(now)s
       AND d.id <> ALL(%(held)s::uuid[]) AND {_IS_FIRST}
     ORDER BY d.due_at LIMIT %(depth)s) d ON TRUE
  LEFT JOIN events_event e ON e.id = d.event_id
"""  # noqa: S608 - made of constants
LAST_HOP = f"{_PENDING} SELECT id::text FROM pending WHERE hop = %(hops)s AND id IS NOT NULL"  # noqa: S608


def _claim_in_one_statement(arguments: dict[str, Any]) -> Claim:
    arguments = arguments | {"own": _array(arguments["own"]), "held": _array(arguments["held"])}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, arguments)
        rows = cursor.fetchall()
        taken = {row[0]: row[1] for row in rows if row[1] is not None}
        if len(taken) == arguments["lanes"]:
            after = max(taken)
        else:  # perhaps there are more behind the lanes that were looked at
            cursor.execute(LAST_HOP, arguments)
            after = next((row[0] for row in cursor.fetchall()), NO_LANE)
    return Claim(taken, [_claimed(row) for row in rows if row[4]], after)


def _claimed(row: Sequence[Any]) -> Claimed:
    (
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


def _claim_step_by_step(arguments: dict[str, Any]) -> Claim:
    now = arguments["now"]
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING, due_at__isnull=False)
    due = pending.filter(due_at__lte=now).exclude(id__in=arguments["held"])
    is_free = Q(leased_until=None) | Q(leased_until__lt=now) | Q(leased_until__gt=now + LONGEST_LEASE)
    free = Lane.objects.filter(is_free).filter(Q(held_until=None) | Q(held_until__lte=now))
    earlier = Delivery.objects.filter(
        integration_id=OuterRef("integration_id"),
        status=Delivery.Status.PENDING,
        order_key=OuterRef("order_key"),
        id__lt=OuterRef("id"),
    )
    taken: dict[Id, int] = {}
    hop: Id | None = arguments["after"]
    with transaction.atomic():
        for _ in range(arguments["hops"]):
            further = pending.filter(integration_id__gt=hop).order_by("integration_id")
            found = further.values_list("integration_id", flat=True).first()
            hop = str(found) if found else None
            if hop is None:
                break
            if due.filter(integration_id=hop).exists() and free.filter(pk=UUID(hop)).update(
                worker=arguments["worker"], leased_until=now + LEASE
            ):
                taken[hop] = Lane.objects.values_list("failures", flat=True).get(pk=UUID(hop))
                if len(taken) == arguments["lanes"]:
                    break
    rows: list[Delivery] = []
    for lane in [*taken, *arguments["own"]]:
        of_lane = due.filter(integration_id=lane).select_related("event", "integration").defer("integration__secrets")
        of_lane = of_lane.filter(Q(order_key="") | ~Exists(earlier))
        rows += of_lane.order_by("due_at")[: arguments["depth"]]
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
        after=hop or NO_LANE,
    )


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
            cursor.execute(RELEASE, {"worker": worker, "lanes": _array(lanes)})
    else:
        Lane.objects.filter(pk__in=map(UUID, lanes), worker=worker).update(worker=None, leased_until=None)


def hold(deliveries: Collection[Id]) -> None:
    """Puts away deliveries whose integration turned out not to be active, to wait until it is."""
    Delivery.objects.filter(id__in=deliveries, status=Delivery.Status.PENDING).update(due_at=None)


def postpone(deliveries: Collection[Id], due_at: datetime) -> None:
    """Puts off deliveries that could not be tried; what was put on hold meanwhile stays so."""
    pending = Delivery.objects.filter(id__in=deliveries, status=Delivery.Status.PENDING, due_at__isnull=False)
    pending.update(due_at=due_at)


@dataclass(frozen=True, slots=True)
class LaneState:
    """What changed about a lane: failures in a row, and until when it is held (None lifts a hold)."""

    failures: int
    held_until: datetime | None


def record(
    worker: int,
    outcomes: Sequence[Outcome],
    states: Mapping[Id, LaneState],
    done_lanes: Collection[Id],
    now: datetime,
) -> list[Outcome]:
    """Writes outcomes, attempts and the `states` of lanes, and releases `done_lanes`, in one transaction.

    An outcome counts only while its delivery is pending: one that was cancelled meanwhile, or delivered by another
    worker after the lease had run out, stays as it is. Its attempt is logged all the same. Where the database refuses
    an outcome the others are written without it. Returns the refused.
    """
    try:
        with transaction.atomic():
            _record_outcomes(outcomes, now)
            _record_lanes(worker, states, done_lanes, now)
        return []
    except OperationalError:  # of the database as a whole
        raise
    except DatabaseError:
        refused = _record_apart(outcomes, now)
    with transaction.atomic():
        _record_lanes(worker, states, done_lanes, now)
    return refused


def _record_apart(outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Writes what can be written, by halves, and returns the rest."""
    try:
        with transaction.atomic():
            _record_outcomes(outcomes, now)
        return []
    except OperationalError:
        raise
    except DatabaseError as error:
        if len(outcomes) > 1:
            middle = len(outcomes) // 2
            return _record_apart(outcomes[:middle], now) + _record_apart(outcomes[middle:], now)
        [outcome] = outcomes
        if not Delivery.objects.filter(pk=outcome.delivery_id).exists():
            return []  # deleted with its owner while it was under way
        log.error("outcome_refused", delivery=outcome.delivery_id, error=str(error).partition("\n")[0])
        return [outcome]


def _record_outcomes(outcomes: Sequence[Outcome], now: datetime) -> None:
    if connection.vendor == "postgresql":
        _record_in_bulk(outcomes, now)
    else:
        _record_one_by_one(outcomes, now)


def _record_lanes(worker: int, states: Mapping[Id, LaneState], done: Collection[Id], now: datetime) -> None:
    for lane, state in states.items():
        _record_state(lane, state, now)
    if done:
        release(worker, done)


def _record_state(lane: Id, state: LaneState, now: datetime) -> None:
    """One statement a lane: states change when endpoints begin or cease to fail, which is rare."""
    Lane.objects.filter(pk=UUID(lane)).update(failures=state.failures, held_until=state.held_until)
    if state.failures:
        Integration.objects.filter(pk=lane, failing_since=None).update(failing_since=now)


RECORD_DELIVERED = """
UPDATE webhooks_delivery
   SET status = 'delivered', attempt_count = attempt_count + 1, due_at = NULL, error = '', finished_at = %(now)s
 WHERE id = ANY(%(ids)s::uuid[]) AND status = 'pending'
"""
# What was put on hold while it was under way stays so.
RECORD_OTHERS = """
UPDATE webhooks_delivery d
   SET status = o.status, attempt_count = attempt_count + 1, error = o.error,
       due_at = CASE WHEN d.due_at IS NULL THEN NULL ELSE o.due_at END,
       finished_at = CASE WHEN o.status = 'pending' THEN NULL ELSE %(now)s END
  FROM json_to_recordset(%(outcomes)s) AS o (id uuid, status text, due_at timestamptz, error text)
 WHERE d.id = o.id AND d.status = 'pending'
"""
RECORD_ATTEMPTS = """
COPY webhooks_attempt (delivery_id, started_at, duration_ms, status_code, error_class, error, response_excerpt)
FROM STDIN
"""
RECORD_SYNC = """
UPDATE integrations_integration SET last_sync = %(now)s, failing_since = NULL
 WHERE id IN (SELECT id FROM integrations_integration
               WHERE id = ANY(%(ids)s::uuid[])
                 AND (last_sync IS NULL OR last_sync < %(now)s - interval '1 second' OR failing_since IS NOT NULL)
               FOR UPDATE SKIP LOCKED)
"""


def _record_in_bulk(outcomes: Sequence[Outcome], now: datetime) -> None:
    delivered = [outcome for outcome in outcomes if outcome.status == Delivery.Status.DELIVERED]
    others = [outcome for outcome in outcomes if outcome.status != Delivery.Status.DELIVERED]
    with connection.cursor() as cursor:
        if delivered:
            ids = _array(outcome.delivery_id for outcome in delivered)
            cursor.execute(RECORD_DELIVERED, {"now": now, "ids": ids})
            synced = _array({outcome.integration_id for outcome in delivered})
            cursor.execute(RECORD_SYNC, {"now": now, "ids": synced})
        if others:
            cursor.execute(RECORD_OTHERS, {"now": now, "outcomes": json.dumps([_as_json(one) for one in others])})
        if outcomes:
            with connection.wrap_database_errors, cursor.copy(RECORD_ATTEMPTS) as copy:
                copy.write("".join(map(_copied, outcomes)))


def _array(ids: Iterable[Id]) -> str:
    """An array of ids as PostgreSQL spells it; psycopg would take ten times as long."""
    return "{" + ",".join(ids) + "}"


def _as_json(outcome: Outcome) -> dict[str, Any]:
    due_at = outcome.due_at.isoformat() if outcome.due_at else None
    return {"id": outcome.delivery_id, "status": outcome.status, "due_at": due_at, "error": outcome.error}


def _copied(outcome: Outcome) -> str:
    """A line of COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html"""
    status_code = "\\N" if outcome.status_code is None else outcome.status_code
    return (
        f"{outcome.delivery_id}\t{outcome.started_at.isoformat()}\t{outcome.duration_ms}\t{status_code}"
        f"\t{outcome.error_class}\t{_escaped(outcome.error)}\t{_escaped(outcome.response_excerpt)}\n"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _record_one_by_one(outcomes: Sequence[Outcome], now: datetime) -> None:
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING)
    one_more = F("attempt_count") + 1
    delivered = [outcome for outcome in outcomes if outcome.status == Delivery.Status.DELIVERED]
    pending.filter(id__in=[outcome.delivery_id for outcome in delivered]).update(
        status=Delivery.Status.DELIVERED, attempt_count=one_more, due_at=None, error="", finished_at=now
    )
    Integration.objects.filter(id__in={outcome.integration_id for outcome in delivered}).update(
        last_sync=now, failing_since=None
    )
    for outcome in outcomes:
        if outcome.status == Delivery.Status.DELIVERED:
            continue
        due_at = Case(When(due_at=None, then=None), default=Value(outcome.due_at), output_field=DateTimeField())
        pending.filter(id=outcome.delivery_id).update(
            status=outcome.status,
            attempt_count=one_more,
            error=outcome.error,
            due_at=due_at,
            finished_at=None if outcome.status == Delivery.Status.PENDING else now,
        )
    Attempt.objects.bulk_create(
        Attempt(
            delivery_id=outcome.delivery_id,
            started_at=outcome.started_at,
            duration_ms=outcome.duration_ms,
            status_code=outcome.status_code,
            error_class=outcome.error_class,
            error=outcome.error,
            response_excerpt=outcome.response_excerpt,
        )
        for outcome in outcomes
    )

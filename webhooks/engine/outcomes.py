"""Writing down what became of deliveries: thousands of outcomes in a few statements.

Plain SQL on PostgreSQL, where it matters: the ORM's `bulk_update` builds a CASE over every row and its `bulk_create`
adapts values one by one, together several times the cost of what is done here. SQLite, with one writer and no
network, does the same through the ORM.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Case, DateTimeField, F, Value, When

from integrations.models import Integration

from ..models import Attempt, Delivery, Lane
from .claim import Id, id_array, release

log = structlog.get_logger(__name__)


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
    if states and connection.vendor == "postgresql":
        _record_states(states, now)
    else:
        for lane, state in states.items():
            _record_state(lane, state, now)
    if done:
        release(worker, done)


RECORD_STATES = """
UPDATE webhooks_lane lane SET failures = s.failures, held_until = s.held_until
  FROM json_to_recordset(%(states)s) AS s (id uuid, failures integer, held_until timestamptz)
 WHERE lane.integration_id = s.id
"""
RECORD_FAILING = """
UPDATE integrations_integration SET failing_since = %(now)s
 WHERE id = ANY(%(ids)s::uuid[]) AND failing_since IS NULL
"""


def _record_states(states: Mapping[Id, LaneState], now: datetime) -> None:
    rows = [
        {
            "id": lane,
            "failures": state.failures,
            "held_until": state.held_until.isoformat() if state.held_until else None,
        }
        for lane, state in states.items()
    ]
    failing = [lane for lane, state in states.items() if state.failures]
    with connection.cursor() as cursor:
        cursor.execute(RECORD_STATES, {"states": json.dumps(rows)})
        if failing:
            cursor.execute(RECORD_FAILING, {"now": now, "ids": id_array(failing)})


def _record_state(lane: Id, state: LaneState, now: datetime) -> None:
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
            ids = id_array(outcome.delivery_id for outcome in delivered)
            cursor.execute(RECORD_DELIVERED, {"now": now, "ids": ids})
            synced = id_array({outcome.integration_id for outcome in delivered})
            cursor.execute(RECORD_SYNC, {"now": now, "ids": synced})
        if others:
            cursor.execute(RECORD_OTHERS, {"now": now, "outcomes": json.dumps([_as_json(one) for one in others])})
        if outcomes:
            with connection.wrap_database_errors, cursor.copy(RECORD_ATTEMPTS) as copy:
                copy.write("".join(map(_copied, outcomes)))


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

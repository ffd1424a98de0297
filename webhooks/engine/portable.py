"""The engine's SQL for every other database, which means SQLite, with `portable_claim.py`; `database.Statements`
describes the functions.

With one writer and no network it does step by step what PostgreSQL does in bulk, and through the ORM what no event
waits for.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, DateTimeField, F, QuerySet, Value, When
from django.utils import timezone

from integrations.models import Integration

from ..models import Attempt, Delivery, HourlySum, Lane
from .portable_claim import due_since, lease_and_read
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

# Writes a worker's heartbeat.
BEAT = """
UPDATE webhooks_engineheartbeat
   SET last_drain_at = %(last_drain_at)s, last_outcome_at = %(last_outcome_at)s, counters = %(counters)s,
       mark = %(mark)s, machine = %(machine)s, process_id = %(process_id)s, process_started = %(process_started)s
 WHERE worker = %(worker)s
"""

# Reads which other workers of a worker's machine have not ended.
NEIGHBOURS = """
SELECT worker, process_id, process_started FROM webhooks_engineheartbeat
 WHERE machine = %(machine)s AND mark IS NOT NULL
   AND (process_id, process_started) <> (%(process_id)s, %(process_started)s)
"""


def release(worker: int, lanes: Collection[IntegrationId]) -> None:
    Lane.objects.filter(pk__in=map(UUID, lanes), worker=worker).update(worker=None, leased_until=None)


def write_outcomes(worker: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING)
    delivered = [outcome for outcome in outcomes if outcome.status == Delivery.Status.DELIVERED]
    pending.filter(id__in=[outcome.delivery_id for outcome in delivered]).update(
        status=Delivery.Status.DELIVERED,
        attempt_count=F("attempt_count") + 1,
        crash_count=0,
        due_at=None,
        error="",
        error_class="",
        status_code=None,
        finished_at=now,
    )
    Integration.objects.filter(id__in={outcome.integration_id for outcome in delivered}).update(
        last_sync=now, failing_since=None, problem="", problem_fault=""
    )
    for outcome in outcomes:
        if outcome.status == Delivery.Status.DELIVERED:
            continue
        due_at = Case(When(due_at=None, then=None), default=Value(outcome.due_at), output_field=DateTimeField())
        pending.filter(id=outcome.delivery_id, integration__lane__worker=worker).update(
            status=outcome.status,
            attempt_count=F("attempt_count") + outcome.counts,
            held_attempt_count=F("held_attempt_count") + (not outcome.counts),
            crash_count=0,
            error=outcome.error,
            error_class=outcome.error_class,
            status_code=outcome.status_code,
            due_at=due_at,
            finished_at=None if outcome.status == Delivery.Status.PENDING else now,
        )
    Attempt.objects.bulk_create(map(_attempt, outcomes))


def _attempt(outcome: Outcome) -> Attempt:
    return Attempt(
        delivery_id=outcome.delivery_id,
        started_at=outcome.started_at,
        duration_ms=outcome.duration_ms,
        status_code=outcome.status_code,
        error_class=outcome.error_class,
        error=outcome.error,
        response_excerpt=outcome.response_excerpt,
    )


def write_lane_states(worker: int, states: Mapping[IntegrationId, LaneState], now: datetime) -> None:
    for lane, state in states.items():
        changes: dict[str, Any] = {}
        if state.failures is not None:
            changes |= {
                "failures": state.failures,
                "openings": state.openings,
                "rejections": state.rejections,
                "held_until": state.held_until,
            }
        if state.next_at is not None:
            changes["next_at"] = timezone.now() + timedelta(seconds=state.next_at - time.monotonic())
        mine = Lane.objects.filter(pk=UUID(lane), worker=worker)
        if mine.update(**changes):
            _write_problem(Integration.objects.live().filter(pk=lane), state, now)


def _write_problem(integration: QuerySet[Integration], state: LaneState, now: datetime) -> None:
    if state.failures:
        integration.filter(failing_since=None).update(failing_since=now)
    if state.problem:
        integration.update(problem=state.problem.message, problem_fault=state.problem.fault)


def beat(beat: Beat) -> tuple[bool, list[Neighbour]]:
    values = asdict(beat)
    for name in ("last_drain_at", "last_outcome_at"):
        values[name] = connection.ops.adapt_datetimefield_value(values[name])
    with connection.cursor() as cursor:
        is_known = cursor.execute(BEAT, values).rowcount > 0
        return is_known, [Neighbour(*row) for row in cursor.execute(NEIGHBOURS, values).fetchall()]


def add_to_sums(counts: HourlyCounts) -> None:
    lanes, hours = {UUID(lane) for lane, _ in counts}, {_time_of(hour) for _, hour in counts}
    stored = {
        (row.integration_id, row.hour): row
        for row in HourlySum.objects.select_for_update().filter(integration__in=lanes, hour__in=hours)
    }
    rows = []
    for (lane, hour), added in counts.items():
        key = (UUID(lane), _time_of(hour))
        row = stored.get(key) or HourlySum(integration_id=key[0], hour=key[1])
        for name, count in zip(SUM_COLUMNS, added, strict=True):
            setattr(row, name, getattr(row, name) + count)
        rows.append(row)
    HourlySum.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["integration", "hour"], update_fields=SUM_COLUMNS
    )


def _time_of(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def subscribers(owners: Collection[int]) -> list[Subscriber]:
    active, waiting = Integration.Status.ACTIVE, Integration.Status.NEEDS_RECONNECT
    rows = (
        Integration.objects.live()
        .filter(owner_id__in=owners, status__in=(active, waiting))
        .values_list("owner_id", "id", "status", "subscriptions", "ordered", "snapshots_pending")
    )
    return [
        Subscriber(owner, integration, status != active, patterns, ordered or snapshots_pending)
        for owner, integration, status, patterns, ordered, snapshots_pending in rows
    ]


def insert_deliveries(deliveries: Sequence[NewDelivery], now: datetime, due_at: datetime) -> None:
    Delivery.objects.bulk_create(
        Delivery(
            event_id=delivery.event_id,
            integration_id=delivery.integration_id,
            owner_id=delivery.owner_id,
            order_key=delivery.order_key,
            sequence=delivery.sequence,
            created_at=now,
            due_at=None if delivery.waits else due_at,
        )
        for delivery in deliveries
    )

"""Outcomes: what the end of an attempt means for its delivery, and writing thousands of them in a few statements."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from integrations.core.errors import IntegrationError
from integrations.core.redaction import redact
from integrations.egress.curl import Finished
from invenicum.transactions import bounded, is_locked

from ..models import Delivery, Lane
from .database import statements
from .schedule import next_delay, probe_delay
from .values import Claimed, IntegrationId, LaneState, Outcome

Status = Delivery.Status
MAX_ERROR_CHARACTERS = 500

log = structlog.get_logger(__name__)


def outcome_of(finished: Finished[Claimed], secrets: Collection[str], *, is_failing: bool = False) -> Outcome:
    """The outcome of one attempt: delivered, another attempt, or failed. It contains none of `secrets`.

    `is_failing`: whether the attempt before it on the same lane failed, and not because of its event.
    """
    claimed, error = finished.key, finished.error
    status, due_at, counts = Status.DELIVERED, None, True
    message, error_class = "", ""
    if isinstance(error, IntegrationError):
        message, error_class = error.message, error.error_class
    elif error is not None:
        log.error("delivery_crashed", delivery=str(claimed.id), exc_info=error)
        message, error_class = "An error in the connector; it has been logged.", "http"
    if error is not None:
        delay, counts = _next_attempt(error, claimed.attempt_count + 1, is_failing)
        due_at = None if delay is None else timezone.now() + timedelta(seconds=delay)
        status = Status.PENDING if due_at else Status.FAILED
    return Outcome(
        delivery_id=claimed.id,
        integration_id=claimed.integration_id,
        status=status,
        due_at=due_at,
        error=_storable(redact(message, secrets))[:MAX_ERROR_CHARACTERS],
        started_at=finished.started_at,
        duration_ms=round(finished.duration * 1000),
        status_code=finished.status,
        error_class=error_class,
        response_excerpt=finished.excerpt,
        counts=counts,
    )


def _storable(text: str) -> str:
    """Without what PostgreSQL cannot store: the NUL character and unpaired surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _next_attempt(error: Exception, attempts: int, is_failing: bool) -> tuple[float | None, bool]:
    """In how many seconds the next one is, None if there is none; and whether this one counts in the schedule."""
    schedule, fault, retry_after = settings.RETRY_SCHEDULE, "service", None
    if isinstance(error, IntegrationError):
        fault, retry_after = error.fault, error.retry_after
    if fault == "event":
        return None, True
    if fault == "target":  # the delivery is kept until its owner has repaired that
        counts = not is_failing and attempts < len(schedule)
        return probe_delay(attempts, schedule, retry_after, is_failing=is_failing), counts
    return next_delay(attempts, schedule, retry_after, random.random()), True  # noqa: S311 - jitter


def record(
    worker: int,
    outcomes: Sequence[Outcome],
    states: Mapping[IntegrationId, LaneState],
    done_lanes: Collection[IntegrationId],
    now: datetime,
) -> list[Outcome]:
    """Writes outcomes, attempts and the `states` of lanes, and releases `done_lanes`, in one transaction.

    An outcome counts only while its delivery is pending: one that was cancelled in the meantime, or delivered by
    another worker after the lease had expired, stays as it is. A failure, and the state of a lane, count only while the
    worker leases the lane. The attempt is logged in any case. If the database refuses an outcome, or another connection
    has locked its row, the others are written without it. Returns those that were not written.
    """
    try:
        with bounded():
            statements().write_outcomes(worker, outcomes, now)
            _write_lanes(worker, states, done_lanes, now)
        return []
    except OperationalError as error:
        if not is_locked(error):  # it is the database as a whole
            raise
        log.warning("rows_locked", error=str(error).partition("\n")[0])
        return _record_unlocked(worker, outcomes, states, done_lanes, now)
    except DatabaseError:
        refused = _record_in_halves(worker, outcomes, now)
    with bounded():
        _write_lanes(worker, states, done_lanes, now)
    return refused


def _record_unlocked(
    worker: int,
    outcomes: Sequence[Outcome],
    states: Mapping[IntegrationId, LaneState],
    done_lanes: Collection[IntegrationId],
    now: datetime,
) -> list[Outcome]:
    """Does what `record` does without waiting: skips the rows that other connections have locked.

    The leases of lanes that are skipped expire. Returns the outcomes that were not written.
    """
    lanes = Lane.objects.filter(pk__in={UUID(lane) for lane in (*states, *done_lanes)}, worker=worker)
    deliveries = Delivery.objects.filter(pk__in=[UUID(outcome.delivery_id) for outcome in outcomes])
    with bounded():
        unlocked = {str(pk) for pk in lanes.select_for_update(skip_locked=True).values_list("pk", flat=True)}
        present = {str(pk) for pk in deliveries.order_by().values_list("pk", flat=True)}
        free = deliveries.order_by().select_for_update(skip_locked=True, no_key=True)
        writable = {str(pk) for pk in free.values_list("pk", flat=True)}
        statements().write_outcomes(worker, [one for one in outcomes if one.delivery_id in writable], now)
        _write_lanes(
            worker,
            {lane: state for lane, state in states.items() if lane in unlocked},
            unlocked.intersection(done_lanes),
            now,
        )
    locked = present - writable
    return [outcome for outcome in outcomes if outcome.delivery_id in locked]


def _record_in_halves(worker: int, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Writes the outcomes that the database accepts, and returns the others."""
    try:
        with bounded():
            statements().write_outcomes(worker, outcomes, now)
        return []
    except DatabaseError as error:
        if isinstance(error, OperationalError) and not is_locked(error):
            raise
        if len(outcomes) > 1:
            middle = len(outcomes) // 2
            return _record_in_halves(worker, outcomes[:middle], now) + _record_in_halves(worker, outcomes[middle:], now)
        [outcome] = outcomes
        if not Delivery.objects.filter(pk=outcome.delivery_id).exists():
            return []  # deleted with its owner during the attempt
        log.error("outcome_refused", delivery=outcome.delivery_id, error=str(error).partition("\n")[0])
        return [outcome]


def _write_lanes(
    worker: int, states: Mapping[IntegrationId, LaneState], done: Collection[IntegrationId], now: datetime
) -> None:
    if states:
        statements().write_lane_states(worker, states, now)
    if done:
        statements().release(worker, done)

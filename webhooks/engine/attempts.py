"""Attempts: starting the flows of deliveries, driving them all at once, and noting how they end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
from django.db import Error
from django.utils import timezone

from integrations.core.errors import Gone, IntegrationError, NotNow
from integrations.egress.curl import Finished, FlowDriver
from invenicum import tracing

from ..models import Delivery
from .circuit import REJECTIONS_TO_TELL
from .current_delivery import CurrentDelivery
from .groups import SentAloneNext, ends_of
from .heartbeat import Heartbeat
from .in_flight_limit import MOST_IN_FLIGHT, InFlightLimit
from .integration_cache import IntegrationCache, SecretsUnreadable
from .lanes import Lanes
from .outcomes import outcome_of
from .pending_writes import PendingWrites
from .slow_steps import slow_down
from .traces import DeliveryTraces
from .values import Claimed, Group, IntegrationId, Outcome, Problem

MOST_IN_GROUPS = 4000  # deliveries in flight in one process that share a flow with another: they take memory
START_FLOWS_SECONDS = 0.05  # before those in flight are attended to

ATTEMPT_LABELS: dict[str, str] = {
    Delivery.Status.DELIVERED: "delivered",
    Delivery.Status.PENDING: "retried",
    Delivery.Status.FAILED: "failed",
}
log = structlog.get_logger(__name__)


class Attempts:
    """The attempts of one worker that are in flight. Outcomes go to `writes`, and what they say of a lane to `lanes`.

    A fault of a flow, or of the engine at one delivery, is contained to that delivery or its lane. A flow may send a
    group of deliveries if the connector can: it counts as one in flight, and says what became of each.
    """

    def __init__(self, integrations: IntegrationCache, lanes: Lanes, writes: PendingWrites, heartbeat: Heartbeat):
        self._integrations = integrations
        self._lanes = lanes
        self._writes = writes
        self._heartbeat = heartbeat
        self._current = CurrentDelivery(heartbeat.mark)
        self._driver: FlowDriver[Claimed | Group] = FlowDriver()
        tracer = tracing.tracer()
        self._traces = DeliveryTraces(tracer) if tracer else None
        self._in_groups = 0
        self.is_full = False  # whether the last start left what could have been sent if more might be in flight
        self._polled_at = time.monotonic()
        self._limit = InFlightLimit(self._polled_at, min(MOST_IN_FLIGHT, self._driver.options.connections))

    @property
    def in_flight(self) -> int:
        return self._driver.in_flight

    @property
    def limit(self) -> int:
        """How many attempts may be in flight."""
        return self._limit.value

    @property
    def oldest(self) -> float:
        """When the oldest attempt in flight was started, in seconds of the monotonic clock; inf if there is none."""
        return self._driver.oldest

    def poll(self, wait: float) -> int:
        """Drives the attempts until some have ended, at most `wait` seconds, and notes these. Returns how many."""
        waited = self._driver.waited_seconds
        finished = self._driver.poll(wait)
        now = time.monotonic()
        # What a response may have waited for this thread.
        delay = now - self._polled_at - (self._driver.waited_seconds - waited)
        self._polled_at = now
        self._slow_down()
        for attempt in finished:
            self._note(attempt, delay)
        self._limit.adjust(now, self._driver.waited_seconds)
        self._lanes.in_flight_limit = self._limit.value
        return len(finished)

    def give_up(self) -> None:
        """Ends what is in flight, without an outcome."""
        if self._driver.in_flight:
            self._driver.close()
            self._driver = FlowDriver()
            self._in_groups = 0
            self._limit = InFlightLimit(time.monotonic(), self._limit.most)
            if self._traces:
                self._traces.clear()

    def close(self) -> None:
        self._driver.close()
        if self._traces:
            self._traces.clear()

    def start(self) -> bool:
        """Starts the deliveries that the lanes serve next, as many as may be in flight.

        Returns whether there may be more to start: it must not keep those in flight waiting.
        """
        clock, timestamp = time.monotonic(), int(time.time())
        self.is_full = False
        while self._lanes.has_ready:
            if not self._limit.has_room(self._driver.in_flight):
                self._limit.reached()
                self.is_full = True
                break
            first = self._lanes.next(clock)
            if first is None:
                break
            claimed = self._group_of(first, clock) if self._lanes.has_groups else first
            self._limit.started(clock)
            try:
                with self._current.working_on(claimed.id):
                    self._start(claimed, timestamp)
            except Exception as error:  # noqa: BLE001 - a fault at one delivery must not stop the others
                now = time.monotonic()
                self._limit.ended(now, now - clock)
                self._left(claimed)
                self._lanes.finished(claimed, now, 0.0)
                self._contain("delivery", claimed, error)
            if time.monotonic() - clock > START_FLOWS_SECONDS:
                return True
        return False

    def _group_of(self, first: Claimed, clock: float) -> Claimed | Group:
        claimed = self._lanes.together(first, clock, MOST_IN_GROUPS - self._in_groups)
        self._in_groups += len(_deliveries(claimed)) - 1
        return claimed

    def _left(self, claimed: Claimed | Group) -> None:
        """Notes that a flow ended."""
        if isinstance(claimed, Group):
            self._in_groups -= len(claimed.deliveries) - 1

    def _start(self, claimed: Claimed | Group, now: int) -> None:
        sent = self._traces.begin(claimed, self._integrations.connector_type(claimed)) if self._traces else claimed
        flow = self._current.watch(claimed.id, self._integrations.flow(sent, now))
        secrets, account = self._integrations.secrets(claimed), self._integrations.account(claimed)
        self._driver.start(claimed, flow, secrets=secrets, account=account)
        self._slow_down()

    def _slow_down(self) -> None:
        for step in self._driver.steps.take_slow():
            slow_down(step, self._integrations.connector_type(step.key), self._lanes, self._heartbeat.counters)

    def _note(self, finished: Finished[Claimed | Group], delay: float) -> None:
        """Notes the outcome of a flow that has ended. A fault is contained to its delivery or its lane."""
        claimed = finished.key
        now = time.monotonic()
        self._limit.ended(now, finished.duration)
        self._left(claimed)
        usual_share = self._lanes.finished(claimed, now, finished.duration, delay)
        if finished.status is not None:
            self._limit.answered(finished.duration, usual_share)
        if isinstance(claimed, Group):
            self._note_group(finished)  # type: ignore[arg-type]
        else:
            self._note_end(finished)  # type: ignore[arg-type]

    def _note_end(self, finished: Finished[Claimed], *, tells_lane: bool = True) -> None:
        """Notes how one delivery's attempt ended. `tells_lane`: whether that says something new about its lane."""
        claimed = finished.key
        try:
            with self._current.working_on(claimed.id):
                outcome = self._outcome_of(finished)
        except Exception as error:  # noqa: BLE001
            self._contain("delivery", claimed, error)
            return
        if self._traces:
            self._traces.end([claimed], outcome)
        try:
            if outcome:
                self._count(claimed, outcome, finished.error)
                if tells_lane:
                    self._tell_lane(claimed, outcome, finished.error)
                if isinstance(finished.result, float):  # the provider takes no other for so many seconds
                    self._lanes.rest(claimed.integration_id, time.monotonic() + finished.result)
        except Exception as error:  # noqa: BLE001
            self._contain("lane", claimed, error)

    def _note_group(self, finished: Finished[Group]) -> None:
        """Notes how the attempt of each delivery of a group ended. One request tells its lane one thing, or two."""
        group, error = finished.key, finished.error
        if isinstance(error, Exception) and not isinstance(error, IntegrationError | NotNow | Error):
            log.error("group_crashed", lane=group.integration_id, deliveries=len(group.deliveries), exc_info=error)
        told: set[str] = set()
        for end in ends_of(finished):
            fault = end.error.fault if isinstance(end.error, IntegrationError) else ""
            self._note_end(end, tells_lane=fault == "event" or fault not in told)
            told.add(fault)

    def _contain(self, kind: str, claimed: Claimed | Group, error: Exception) -> None:
        """Logs and counts a fault of the engine. One that leaves a delivery without an outcome is blamed on it."""
        log.error("engine_fault", kind=kind, delivery=claimed.id, lane=claimed.integration_id, exc_info=error)
        self._heartbeat.counters.faults[kind] += 1
        if kind == "delivery":
            if self._traces:
                self._traces.end(_deliveries(claimed))
            for delivery in _deliveries(claimed):
                self._writes.blame(delivery)
        else:  # what is known of the lane may be wrong: it is claimed again
            self._lanes.stop(claimed.integration_id)

    def _outcome_of(self, finished: Finished[Claimed]) -> Outcome | None:
        """The outcome of an attempt, noted to be written; None if it was none."""
        claimed, error = finished.key, finished.error
        if isinstance(error, NotNow | Error):  # the database is at fault, which is no attempt
            self._writes.postpone(claimed)
            return None
        if isinstance(error, SecretsUnreadable):
            self._writes.postpone_unreadable(claimed, error.message)
            self._heartbeat.counters.faults["secrets_unreadable"] += 1
            return None
        is_failing = error is not None and self._lanes.is_failing(claimed.integration_id)
        outcome = outcome_of(finished, self._integrations.secrets(claimed), is_failing=is_failing)
        if isinstance(error, SentAloneNext):
            outcome = replace(outcome, status=Delivery.Status.PENDING, due_at=timezone.now())
        self._writes.outcomes.append(outcome)
        return outcome

    def _count(self, claimed: Claimed, outcome: Outcome, error: Exception | None) -> None:
        counters = self._heartbeat.counters
        fault = error.fault if isinstance(error, IntegrationError) else ""
        counters.count(ATTEMPT_LABELS[outcome.status], outcome.error_class, fault)
        self._heartbeat.sums.count(outcome)
        if outcome.status == Delivery.Status.DELIVERED:
            counters.observe(max(time.time() - claimed.published_at, 0.0))

    def _tell_lane(self, claimed: Claimed, outcome: Outcome, error: Exception | None) -> None:
        """Notes what an outcome says about the lane."""
        lane = claimed.integration_id
        if error is None:
            if self._lanes.succeeded(lane, time.monotonic()):
                self._writes.lane_changed(lane)
        elif isinstance(error, SentAloneNext):
            pass  # one of the events may be at fault
        elif isinstance(error, IntegrationError) and error.fault != "event":
            self._note_failure(lane, outcome, error)
        elif outcome.status == Delivery.Status.FAILED:
            self._lanes.rejected(lane)
            is_told = self._lanes.health(lane).rejections >= REJECTIONS_TO_TELL
            self._writes.lane_changed(lane, Problem("event", outcome.error) if is_told else None)

    def _note_failure(self, lane: IntegrationId, outcome: Outcome, error: IntegrationError) -> None:
        """Notes a failure that is not the event's: it counts towards opening the circuit of the lane."""
        unresolved = error.error_class == "dns"
        self._lanes.failed(lane, time.monotonic(), error.fault, retry_after=error.retry_after, unresolved=unresolved)
        is_told = self._lanes.health(lane).openings > 0
        self._writes.lane_changed(lane, Problem(error.fault, outcome.error) if is_told else None)
        if isinstance(error, Gone):
            self._writes.disable(lane, outcome.error)
            self._lanes.stop(lane)


def _deliveries(claimed: Claimed | Group) -> Sequence[Claimed]:
    return claimed.deliveries if isinstance(claimed, Group) else (claimed,)

"""What a worker has still to write to the database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import OperationalError
from django.utils import timezone

from integrations.stops import disable
from invenicum.transactions import bounded, is_locked

from . import claim, crashes
from .heartbeat import Heartbeat
from .lanes import Lanes
from .outcomes import record
from .values import Claimed, DeliveryId, IntegrationId, LaneState, Outcome, Problem

# Between two attempts to decrypt an integration's secrets. More than LANE_SLEEP_SECONDS: no worker waits for it.
UNREADABLE_RETRY_SECONDS = 10.0
TOKEN_REFRESH_RETRY = timedelta(seconds=1)  # after which a delivery is due again whose integration's token is refreshed
REFUSED_RETRY_SECONDS = 10.0  # between two attempts to write what the database refused


class PendingWrites:
    """Collects the outcomes of deliveries and the states of lanes, and writes them. What cannot be written is kept."""

    def __init__(self, worker: int, lanes: Lanes, heartbeat: Heartbeat) -> None:
        self._worker = worker
        self._heartbeat = heartbeat
        self._lanes = lanes
        self.outcomes: list[Outcome] = []
        self._postponed: list[Claimed] = []
        self._faulty: list[Claimed] = []
        self._unreadable: list[tuple[Claimed, str]] = []
        self._states: dict[IntegrationId, LaneState] = {}
        self._done_lanes: set[IntegrationId] = set()
        self._gone: dict[IntegrationId, str] = {}
        # Attempts that the database refuses to record: this worker does not repeat them.
        self._refused: dict[DeliveryId, Outcome] = {}
        self._refused_tried_at = float("-inf")

    def __bool__(self) -> bool:
        """Whether deliveries are still to be written."""
        return bool(self.outcomes or self._postponed or self._faulty or self._unreadable)

    @property
    def refused(self) -> Collection[DeliveryId]:
        return self._refused.keys()

    def postpone(self, claimed: Claimed) -> None:
        """For a delivery that waits until its integration's token is refreshed: that was no attempt."""
        self._postponed.append(claimed)

    def postpone_unreadable(self, claimed: Claimed, reason: str) -> None:
        """For a delivery whose integration's secrets this worker cannot decrypt. Its lane rests, for any worker."""
        self._unreadable.append((claimed, reason))
        self._lanes.stop(claimed.integration_id)
        self._lanes.rest(claimed.integration_id, time.monotonic() + UNREADABLE_RETRY_SECONDS)

    def blame(self, claimed: Claimed) -> None:
        """For a delivery at which the engine itself failed, so that it has no outcome."""
        self._faulty.append(claimed)

    def disable(self, integration: IntegrationId, reason: str) -> None:
        self._gone[integration] = reason

    def lane_changed(self, lane: IntegrationId, problem: Problem | None = None) -> None:
        """For a lane that began or ceased to fail, or that is held for longer. `problem`: what its owner is told."""
        health = self._lanes.health(lane)
        seconds = health.held_until - time.monotonic()
        self._states[lane] = replace(
            self._states.get(lane, LaneState()),
            failures=health.failures,
            openings=health.openings,
            rejections=health.rejections,
            held_until=timezone.now() + timedelta(seconds=seconds) if seconds > 0 else None,
            problem=problem,
        )

    def write(self, counts: Counter[str]) -> None:
        """Writes everything, releases the lanes on which nothing is left, and adds up statuses in `counts`."""
        outcomes = self.outcomes
        for outcome in outcomes:
            self._lanes.written(outcome.integration_id, outcome.delivery_id)
        if self._postponed:
            self._write_postponed()
        if self._unreadable:
            self._write_unreadable()
        if self._faulty:
            self._write_faulty()
        for lane, next_at in self._lanes.moved_on().items():  # the next worker has to keep to it too
            self._states[lane] = replace(self._states.get(lane, LaneState()), next_at=next_at)
        self._done_lanes.update(self._lanes.drop_empty())
        if outcomes or self._done_lanes:
            refused = record(self._worker, outcomes, self._states, self._done_lanes, timezone.now())
            self._refused.update((outcome.delivery_id, outcome) for outcome in refused)
            self.outcomes = []
            self._states.clear()
            self._done_lanes.clear()
            if outcomes:
                self._heartbeat.wrote_outcomes()
        counts.update(str(outcome.status) for outcome in outcomes)
        if self._gone:
            self._disable_gone()

    def retry_refused(self, now: datetime) -> None:
        """Tries again, every REFUSED_RETRY_SECONDS, to write what the database refused."""
        clock = time.monotonic()
        if self._refused and clock - self._refused_tried_at >= REFUSED_RETRY_SECONDS:
            self._refused_tried_at = clock
            refused = record(self._worker, list(self._refused.values()), {}, (), now)
            self._refused = {outcome.delivery_id: outcome for outcome in refused}

    def _write_unreadable(self) -> None:
        due_at = timezone.now() + timedelta(seconds=UNREADABLE_RETRY_SECONDS)
        for reason in {reason for _, reason in self._unreadable}:
            claim.postpone([item.id for item, why in self._unreadable if why == reason], due_at, reason)
        for item, _ in self._unreadable:
            self._lanes.written(item.integration_id, item.id)
        self._unreadable = []

    def _write_faulty(self) -> None:
        set_aside = crashes.blame([item.id for item in self._faulty])
        self._heartbeat.counters.faults["delivery_set_aside"] += set_aside
        for item in self._faulty:
            self._lanes.written(item.integration_id, item.id)
        self._faulty = []

    def _disable_gone(self) -> None:
        """Disables integrations whose endpoints are gone. One whose row is locked is disabled by its next answer."""
        gone, self._gone = self._gone, {}
        for integration, reason in gone.items():
            try:
                with bounded():
                    disable(UUID(integration), reason)
            except OperationalError as error:
                if not is_locked(error):
                    self._gone = gone
                    raise

    def _write_postponed(self) -> None:
        claim.postpone([item.id for item in self._postponed], timezone.now() + TOKEN_REFRESH_RETRY)
        for item in self._postponed:
            self._lanes.written(item.integration_id, item.id)
        self._postponed = []

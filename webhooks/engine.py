"""The delivery engine: claims what is due, drives its flows all at once, writes outcomes while slow ones still run."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from integrations.core.errors import Gone, IntegrationError
from integrations.services import disable
from invenicum.egress.curl import Finished, FlowDriver

from . import heartbeat, queue
from .models import Delivery
from .prepared import PreparedIntegrations
from .queue import NO_LANE, Claimed, Outcome
from .schedule import next_delay

MAX_IN_FLIGHT = 1000  # flows at once in one process
PER_INTEGRATION = 64  # of which one integration has about so many at most: a slow endpoint holds up nobody else
CLAIM_AT_LEAST = 100  # room below which claiming is not worth its statement
RECORD_AT = 500  # outcomes that are written without waiting for more
RECORD_EVERY = 0.02  # seconds that an outcome may wait for others
MAX_LANES = 500  # lanes taken in one claim
RENEW_EVERY = 5.0  # seconds between two renewals of the leases that are still in use
LOOK_EVERY = 0.05  # seconds between two looks for more while flows are under way
GRACE = 8.0  # seconds that a stopping worker gives to the flows under way

Status = Delivery.Status
log = structlog.get_logger(__name__)


@dataclass
class Drained:
    """What one drain did: tries by the status they led to. `more` says that it stopped with work left."""

    counts: Counter[str] = field(default_factory=Counter)
    more: bool = False


def drain(
    *,
    seconds: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    hand_over: Callable[[], Any] = lambda: None,
) -> Drained:
    """Delivers until nothing is due.

    After `seconds` it calls `hand_over`, takes nothing new and finishes what is under way. When `should_stop` says
    so it takes nothing new either, and after a grace period hands back what is still under way.
    """
    global _shared
    engine = _engine()
    try:
        return engine.drain(seconds, should_stop, hand_over)
    except BaseException:
        # What was under way is not known to be written: its leases run out, and it is claimed again.
        _shared = None
        engine.close()
        raise


_shared: tuple[int, Engine] | None = None


def _engine() -> Engine:
    """The process's engine: connections stay open and configurations stay decrypted between drains."""
    global _shared
    if _shared is None or _shared[0] != os.getpid():  # Celery forks its workers
        _shared = os.getpid(), Engine()
    return _shared[1]


class Engine:
    """One process's share of the work. Not thread-safe."""

    def __init__(self) -> None:
        self._worker = queue.new_worker()
        self._driver: FlowDriver[Claimed] = FlowDriver()
        self._prepared = PreparedIntegrations()
        # The lanes that are ours → the deliveries of each that are under way or not yet written.
        self._lanes: dict[UUID, set[UUID]] = {}
        self._unwritten: list[Outcome] = []
        self._gone: dict[UUID, str] = {}
        self._after = NO_LANE
        self._renewed = 0.0

    def close(self) -> None:
        self._driver.close()

    def drain(self, seconds: float | None, should_stop: Callable[[], bool], hand_over: Callable[[], Any]) -> Drained:
        result = Drained()
        slice_ends = time.monotonic() + seconds if seconds is not None else float("inf")
        gives_up = float("inf")
        next_look = written = 0.0
        while True:
            now = time.monotonic()
            if not result.more and (should_stop() or now >= slice_ends):
                result.more = True
                hand_over()
            if should_stop():
                gives_up = min(gives_up, now + GRACE)
            look_again = False
            has_room = MAX_IN_FLIGHT - self._driver.in_flight >= CLAIM_AT_LEAST
            if not result.more and has_room and (now >= next_look or not self._lanes):
                look_again = self._take()
                next_look = now if look_again else now + LOOK_EVERY
            if now >= gives_up or not (self._lanes or look_again):
                break
            for finished in self._driver.poll(LOOK_EVERY):
                self._unwritten.append(self._outcome(finished))
            waited = time.monotonic() - written
            if len(self._unwritten) >= RECORD_AT or waited >= RECORD_EVERY or not self._driver.in_flight:
                self._write(result)
                written = time.monotonic()
            self._renew(now)
        self._hand_back()
        return result

    def _take(self) -> bool:
        """Claims and starts a batch. Returns whether to look again at once."""
        heartbeat.beat()
        now = timezone.now()
        room = MAX_IN_FLIGHT - self._driver.in_flight
        began_at_first = self._after == NO_LANE
        claim = queue.claim(
            self._worker,
            now=now,
            after=self._after,
            lanes=min(room, MAX_LANES),
            depth=PER_INTEGRATION // 2,
            own=[lane for lane, deliveries in self._lanes.items() if len(deliveries) <= PER_INTEGRATION // 2],
            in_flight=[delivery for deliveries in self._lanes.values() for delivery in deliveries],
        )
        self._after = claim.after
        for lane in claim.lanes:
            self._lanes.setdefault(lane, set())
        self._start(claim.deliveries, int(now.timestamp()))
        return bool(claim.deliveries) or not began_at_first

    def _start(self, claimed: list[Claimed], now: int) -> None:
        inactive = [item.id for item in claimed if not item.active]
        if inactive:
            queue.hold(inactive)
        active = [item for item in claimed if item.active]
        self._prepared.load(active)
        for item in active:
            self._lanes[item.integration_id].add(item.id)
            self._driver.start(item, self._prepared.flow(item, now))

    def _outcome(self, finished: Finished[Claimed]) -> Outcome:
        outcome = outcome_of(finished)
        if isinstance(finished.error, Gone):
            self._gone[outcome.integration_id] = outcome.error
        return outcome

    def _write(self, result: Drained) -> None:
        """Writes what has finished and gives back the lanes on which nothing is left under way."""
        outcomes, self._unwritten = self._unwritten, []
        for outcome in outcomes:
            self._lanes[outcome.integration_id].discard(outcome.delivery_id)
        done = [lane for lane, deliveries in self._lanes.items() if not deliveries]
        if outcomes or done:
            queue.record(self._worker, outcomes, done, timezone.now())
        for lane in done:
            del self._lanes[lane]
        result.counts.update(str(outcome.status) for outcome in outcomes)
        for integration_id, reason in self._gone.items():
            disable(integration_id, reason)
        self._gone.clear()

    def _renew(self, now: float) -> None:
        if now - self._renewed > RENEW_EVERY:
            self._renewed = now
            queue.renew(self._worker, list(self._lanes), timezone.now())

    def _hand_back(self) -> None:
        """Gives up what is still under way: the endpoint may have heard of it, and will again."""
        if self._lanes:
            self._driver.close()
            self._driver = FlowDriver()
            queue.release(self._worker, list(self._lanes))
            self._lanes.clear()


def outcome_of(finished: Finished[Claimed]) -> Outcome:
    """What one try leads to: delivered, another try, or failed."""
    claimed, error = finished.key, finished.error
    status, due_at = Status.DELIVERED, None
    message, error_class = "", ""
    if isinstance(error, IntegrationError):
        message, error_class = error.message, error.error_class
    elif error is not None:
        log.error("delivery_crashed", delivery=str(claimed.id), exc_info=error)
        message, error_class = "An error in the connector; it has been logged.", "http"
    if error is not None:
        due_at = _due_again(error, claimed.attempt_count + 1)
        status = Status.PENDING if due_at else Status.FAILED
    return Outcome(
        delivery_id=claimed.id,
        integration_id=claimed.integration_id,
        status=status,
        due_at=due_at,
        error=message[:500],
        started_at=finished.started_at,
        duration_ms=round(finished.duration * 1000),
        status_code=finished.status,
        error_class=error_class,
        response_excerpt=finished.excerpt.replace("\0", "")[:1000],
    )


def _due_again(error: Exception, attempts: int) -> datetime | None:
    if isinstance(error, IntegrationError) and error.permanent:
        return None
    retry_after = error.retry_after if isinstance(error, IntegrationError) else None
    delay = next_delay(attempts, settings.RETRY_SCHEDULE, retry_after, random.random())  # noqa: S311 - jitter
    return None if delay is None else timezone.now() + timedelta(seconds=delay)

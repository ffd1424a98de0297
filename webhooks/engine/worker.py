"""The delivery engine: claims what is due, drives its flows all at once, writes outcomes while slow ones still run."""

from __future__ import annotations

import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error, close_old_connections
from django.utils import timezone

from integrations.core.errors import Gone, IntegrationError
from integrations.core.redaction import redact
from integrations.egress.curl import Finished, FlowDriver
from integrations.services import disable
from oauth_flows.tokens import BeingRefreshed

from ..models import Delivery
from . import claim, heartbeat
from .claim import NO_LANE, Claimed, Id
from .integration_cache import PreparedIntegrations
from .lanes import Lanes
from .outcomes import LaneState, Outcome, record
from .schedule import next_delay

MAX_IN_FLIGHT = 2000  # flows at once in one process
CONCURRENCY = 16  # flows at once to one integration
BACKLOG = 2000  # deliveries that a worker claims ahead
MOST_WAITING = 5 * BACKLOG  # with what waits behind endpoints that hang
MAX_DEPTH = 64  # of which one integration has at most so many in a claim
MIN_LANES, MAX_LANES = 30, 1000  # integrations in a claim
RECORD_AT = 500  # outcomes that are written without waiting for more
RECORD_EVERY = 0.02  # seconds that an outcome may wait for others
# Seconds between two looks for more while flows are under way: longer each time that there was nothing.
LOOK_SOONEST, LOOK_LATEST = 0.01, 0.05
RENEW_EVERY = 1.0  # seconds between two looks at the lanes in hand: leases renewed, changes of integrations noticed
RENEWAL = timedelta(seconds=1)  # after which a connection that is being renewed is looked at again
GRACE = 5.0  # seconds that a stopping worker gives to the flows under way; Docker kills after ten
DATABASE_REST = 1.0  # seconds between two tries of a database that fails
REFUSED_AGAIN = 10.0  # seconds between two tries to write what the database refused

Status = Delivery.Status
_COUNTED: dict[str, str] = {Status.DELIVERED: "delivered", Status.PENDING: "retried", Status.FAILED: "failed"}
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

    After `seconds` it sends only to endpoints that answer quickly, until what was under way by then has ended; then
    it calls `hand_over`, takes nothing new and finishes. When `should_stop` says so it takes nothing new at once, and
    after a grace period hands back what is still under way.
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
        _open_many_files()
        _shared = os.getpid(), Engine()
    return _shared[1]


def _open_many_files() -> None:
    """Raises the soft limit of open files as far as the system lets us: a flow holds a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MAX_IN_FLIGHT if hard == resource.RLIM_INFINITY else min(hard, 4 * MAX_IN_FLIGHT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


class Engine:
    """One process's share of the work. Not thread-safe."""

    def __init__(self) -> None:
        self._worker = claim.new_worker()
        self._driver: FlowDriver[Claimed] = FlowDriver()
        self._prepared = PreparedIntegrations()
        self._lanes = Lanes(CONCURRENCY)
        self._unwritten: list[Outcome] = []
        self._postponed: list[Claimed] = []
        # Tries that the database refuses to note: not made again by this worker.
        self._refused: dict[Id, Outcome] = {}
        self._gone: dict[Id, str] = {}
        self._states: dict[Id, LaneState] = {}
        self._done: set[Id] = set()
        self._after = NO_LANE
        self._depth = 1.0  # deliveries found on a lane, on the average of late
        self._written = self._renewed = self._next_look = 0.0
        self._pause = LOOK_SOONEST
        self._refused_again = 0.0
        self._resumes = 0.0  # when a database that failed is tried again; 0 while it works

    def close(self) -> None:
        self._driver.close()

    def drain(self, seconds: float | None, should_stop: Callable[[], bool], hand_over: Callable[[], Any]) -> Drained:
        result = Drained()
        slice_ends = time.monotonic() + seconds if seconds is not None else float("inf")
        gives_up = float("inf")
        self._next_look = 0.0
        while True:
            now = time.monotonic()
            # Nobody would be served while all workers of a machine wait at once for endpoints that hang.
            is_over = now >= slice_ends
            self._lanes.only_quick = is_over
            if not result.more and (should_stop() or (is_over and self._driver.oldest > slice_ends)):
                result.more = True
                hand_over()
                for lane in self._lanes:
                    self._lanes.drop_backlog(lane)
            if should_stop():
                gives_up = min(gives_up, now + GRACE)
            look_again = now >= self._resumes and self._try_database(result, now)
            if now >= gives_up or not (look_again or self._is_busy()):
                break
            if not self._resumes:
                self._start()
            wait = min(LOOK_LATEST, self._lanes.wakes_in(now))
            if self._next_look > now:
                wait = min(wait, self._next_look - now)
            finished = self._driver.poll(wait)
            for flow in finished:
                self._note(flow)
            if not (finished or look_again or self._driver.in_flight):
                time.sleep(wait)  # for a lane that is ahead of its rate, or for the database
        self._hand_back(result)
        return result

    def _try_database(self, result: Drained, now: float) -> bool:
        """Exchanges with the database. Where it fails all that is in hand is kept, and nothing sent until it works."""
        try:
            look_again = self._exchange(result, now)
        except Error as error:
            if not self._is_busy():
                raise
            log.warning("database_failed", error=str(error).strip())
            close_old_connections()
            self._resumes = time.monotonic() + DATABASE_REST
            return False
        self._resumes = 0.0
        return look_again

    def _exchange(self, result: Drained, now: float) -> bool:
        """Writes, keeps the leases and takes more, as far as it is time to. Returns whether to look again at once."""
        waited = now - self._written
        if len(self._unwritten) >= RECORD_AT or waited >= RECORD_EVERY or not self._driver.in_flight:
            self._write(result)
            self._written = time.monotonic()
        self._renew(now)
        if result.more or not self._has_room() or (now < self._next_look and self._is_busy()):
            return False
        look_again = self._take()
        if look_again:
            self._next_look, self._pause = time.monotonic(), LOOK_SOONEST
        else:
            self._next_look = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LOOK_LATEST)
        return look_again

    def _is_busy(self) -> bool:
        """Whether anything that was claimed is still to be sent, under way or to be written."""
        return bool(self._driver.in_flight or self._unwritten or self._postponed or self._lanes.waiting)

    def _has_room(self) -> bool:
        moving = self._lanes.moving(time.monotonic())
        return moving + len(self._refused) < BACKLOG // 2 and self._lanes.waiting < MOST_WAITING

    def _take(self) -> bool:
        """Claims a batch. Returns whether to look again at once."""
        heartbeat.beat()
        now = timezone.now()
        self._write_refused(now)
        began_at_first = self._after == NO_LANE
        # As many lanes as will fill the backlog if they are as deep as the last ones were; twice that at the most.
        lanes = round(min(max(BACKLOG / self._depth, MIN_LANES), MAX_LANES))
        depth = min(max(2 * BACKLOG // lanes, 1), MAX_DEPTH)
        own = self._lanes.with_room(depth // 2, lanes, time.monotonic())
        taken = claim.claim(
            self._worker,
            now=now,
            after=self._after,
            lanes=lanes,
            depth=depth,
            own=own,
            held=[*self._lanes.held(own), *self._refused],
        )
        self._after = taken.after
        for lane, failures in taken.lanes.items():
            self._lanes.add(lane, failures, time.monotonic())
        waiting = self._lanes.waiting
        inactive = [item.id for item in taken.deliveries if not item.active]
        if inactive:
            claim.hold(inactive)
        active = [item for item in taken.deliveries if item.active]
        self._prepared.load(active)
        for item in active:
            self._lanes.restrict(item.integration_id, *self._prepared.limits(item))
            self._lanes.push(item)
        if active:
            self._depth = max((self._lanes.waiting - waiting) / (len(taken.lanes) + len(own)), 1.0)
        return bool(taken.deliveries) or not began_at_first

    def _start(self) -> None:
        clock, now = time.monotonic(), int(time.time())
        most = min(MAX_IN_FLIGHT, self._driver.options.connections)
        while self._driver.in_flight < most and (claimed := self._lanes.next(clock)):
            flow = self._prepared.flow(claimed, now)
            self._driver.start(claimed, flow, secrets=self._prepared.secrets(claimed))

    def _note(self, finished: Finished[Claimed]) -> None:
        """Takes in that a flow has ended, and what that says of its lane."""
        claimed, error = finished.key, finished.error
        self._lanes.finished(claimed, time.monotonic(), finished.duration)
        if isinstance(error, BeingRefreshed):
            self._postponed.append(claimed)
            return
        outcome = outcome_of(finished, self._prepared.secrets(claimed))
        self._unwritten.append(outcome)
        heartbeat.counters.count(_COUNTED[outcome.status], outcome.error_class)
        if error is None:
            heartbeat.counters.observe(max(time.time() - claimed.published_at, 0.0))
            if self._lanes.succeeded(claimed.integration_id):
                self._states[claimed.integration_id] = LaneState(0, None)
        elif isinstance(error, Gone):
            self._gone[claimed.integration_id] = outcome.error
            self._lanes.rest(claimed.integration_id)
        elif isinstance(error, IntegrationError) and not error.permanent:
            self._note_failure(claimed.integration_id, error)

    def _note_failure(self, lane: Id, error: IntegrationError) -> None:
        failures, rest = self._lanes.failed(lane)
        if error.retry_after:  # what it asks of one request it means for all
            self._lanes.rest(lane)
            rest = max(error.retry_after, rest or 0.0)
        held_until = self._states[lane].held_until if lane in self._states else None
        if rest:
            held_until = timezone.now() + timedelta(seconds=rest)
        self._states[lane] = LaneState(failures, held_until)

    def _write(self, result: Drained) -> None:
        """Writes what has finished and gives back the lanes on which nothing is left."""
        outcomes = self._unwritten
        for outcome in outcomes:
            self._lanes.written(outcome.integration_id, outcome.delivery_id)
        if self._postponed:
            self._postpone()
        now, clock = timezone.now(), time.monotonic()
        for lane, goes_on_at in self._lanes.drop_empty().items():
            self._done.add(lane)
            if goes_on_at > clock:  # the next worker keeps to the rate too
                self._states.setdefault(lane, LaneState(0, now + timedelta(seconds=goes_on_at - clock)))
        if outcomes or self._done:
            refused = record(self._worker, outcomes, self._states, self._done, now)
            self._refused.update((outcome.delivery_id, outcome) for outcome in refused)
            self._unwritten = []
            self._states.clear()
            self._done.clear()
        result.counts.update(str(outcome.status) for outcome in outcomes)
        for integration_id, reason in self._gone.items():
            disable(UUID(integration_id), reason)
        self._gone.clear()

    def _write_refused(self, now: datetime) -> None:
        clock = time.monotonic()
        if self._refused and clock >= self._refused_again:
            self._refused_again = clock + REFUSED_AGAIN
            refused = record(self._worker, list(self._refused.values()), {}, (), now)
            self._refused = {outcome.delivery_id: outcome for outcome in refused}

    def _postpone(self) -> None:
        """Puts off what waits for its connection to be renewed: that was no try."""
        claim.postpone([item.id for item in self._postponed], timezone.now() + RENEWAL)
        for item in self._postponed:
            self._lanes.written(item.integration_id, item.id)
        self._postponed = []

    def _renew(self, now: float) -> None:
        """Keeps the leases, and lets go of what was claimed for an integration that has changed since."""
        if now - self._renewed < RENEW_EVERY or not self._lanes:
            return
        self._renewed = now
        self._prepared.trim(self._lanes)
        for lane in claim.renew(self._worker, list(self._lanes)):
            self._lanes.lose(lane)
        for lane in claim.changed(self._lanes.versions()):
            self._lanes.drop_backlog(lane)

    def _hand_back(self, result: Drained) -> None:
        """Gives up what is still under way: the endpoint may have heard of it, and will again."""
        if self._driver.in_flight:
            self._driver.close()
            self._driver = FlowDriver()
        try:
            self._write(result)
            if self._lanes:
                claim.release(self._worker, self._lanes.clear())
        except Error as error:  # then the leases run out
            log.warning("lanes_not_released", error=str(error).strip())
            self._lanes.clear()


def outcome_of(finished: Finished[Claimed], secrets: Collection[str]) -> Outcome:
    """What one try leads to: delivered, another try, or failed. None of `secrets` is in it."""
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
        error=_storable(redact(message, secrets))[:500],
        started_at=finished.started_at,
        duration_ms=round(finished.duration * 1000),
        status_code=finished.status,
        error_class=error_class,
        response_excerpt=finished.excerpt,
    )


def _storable(text: str) -> str:
    """Without what a service may say and PostgreSQL cannot store: the NUL character and halves of characters."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _due_again(error: Exception, attempts: int) -> datetime | None:
    if isinstance(error, IntegrationError) and error.permanent:
        return None
    retry_after = error.retry_after if isinstance(error, IntegrationError) else None
    delay = next_delay(attempts, settings.RETRY_SCHEDULE, retry_after, random.random())  # noqa: S311 - jitter
    return None if delay is None else timezone.now() + timedelta(seconds=delay)

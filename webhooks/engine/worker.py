"""The worker: claims what is due, drives the flows of all its deliveries at once, and writes their outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.db import Error, close_old_connections
from django.utils import timezone

from invenicum import tracing
from invenicum.per_process import PerProcess
from invenicum.transactions import is_locked

from . import claim, crashes
from .attempts import Attempts
from .claim_times import CLAIM_POLL_MAX_SECONDS, ClaimTimes
from .heartbeat import Heartbeat
from .integration_cache import IntegrationCache
from .lanes import Lanes
from .pending_writes import PendingWrites
from .process_start import collect_less_garbage, raise_open_files_limit
from .values import NO_LANE, Claimed, ClaimRequest, Drained

LANE_CONCURRENCY = 16  # flows at once to one integration
LANE_IN_FLIGHT = 4  # of them, for which lanes are leased; with fewer each, other workers would find no lanes
BACKLOG_DELIVERIES = 2000  # claimed ahead
MAX_WAITING_DELIVERIES = 5 * BACKLOG_DELIVERIES  # including those that wait behind endpoints that hang
LARGE_MESSAGES_BYTES = 32 * 1024 * 1024  # waiting and in flight in one process; of small ones, the number is bounded
CLAIM_MAX_DEPTH = 64  # deliveries of one integration in a claim
CLAIM_MIN_LANES, CLAIM_MAX_LANES = 30, 1000
WRITE_BATCH_OUTCOMES = 500  # are written without waiting for more
# That an outcome may wait for others: at first, and longer if writing takes long, so that it takes a fifth of the time.
WRITE_INTERVAL_SECONDS, WRITE_MAX_INTERVAL_SECONDS = 0.02, 0.2
WRITE_INTERVAL_FACTOR = 4
LEASE_RENEWAL_SECONDS = 1.0  # between two renewals of leases, which also look for changed integrations
OPEN_FILES = 16_384  # in one process, if the system allows as many: connections stay open for the next request
SHUTDOWN_GRACE_SECONDS = 5.0  # for the flows in flight; Docker kills after ten
DATABASE_RETRY_SECONDS = 1.0  # after the database has failed
# After the database has failed, so long it is left to other workers to renew the leases that ran out meanwhile: what
# they have in flight is not sent twice. They too have to connect again first.
LEASE_GRACE_SECONDS = 8.0
LEASE_GRACE = timedelta(hours=1)

log = structlog.get_logger(__name__)


def drain(
    *,
    seconds: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    hand_over: Callable[[], Any] = lambda: None,
) -> Drained:
    """Delivers until nothing is due, with this process's worker. Not thread-safe.

    After `seconds` it sends only to endpoints that respond quickly, until what was in flight by then has ended; then
    it calls `hand_over`, claims nothing more and finishes. When `should_stop` returns True it claims nothing more at
    once, and after SHUTDOWN_GRACE_SECONDS gives up what is still in flight, for another worker to send.

    Returns, for example, `Drained(counts={"delivered": 200, "pending": 3}, more=False)`. Raises
    `django.db.Error` if the database fails while nothing is claimed; otherwise the worker waits for it to come back.
    """
    return _process_workers.get().drain(seconds, should_stop, hand_over)


class ProcessWorker:
    """Keeps a process's worker between drains, so that connections stay open and configurations decrypted."""

    def __init__(self) -> None:
        raise_open_files_limit(OPEN_FILES)
        collect_less_garbage()
        self._heartbeat = Heartbeat()
        self._worker: Worker | None = None

    def drain(self, seconds: float | None, should_stop: Callable[[], bool], hand_over: Callable[[], Any]) -> Drained:
        worker = self._worker = self._worker or Worker(self._heartbeat)
        try:
            return worker.drain(seconds, should_stop, hand_over)
        except BaseException as error:
            # What was in flight may not have been written: it is claimed again.
            self._worker = None
            worker.abandon(error)
            raise

    def end(self) -> None:
        """To be called before the process ends: writes what was counted, and that nothing is leased any more."""
        if self._worker:
            self._worker.close()
            self._worker = None
            tracing.flush()
            self._heartbeat.write(has_ended=True)


_process_workers = PerProcess(ProcessWorker)


def end_process() -> None:
    """Ends this process's worker: to be called before the process ends. Raises `django.db.Error`."""
    _process_workers.get().end()


class Worker:
    """Delivers what is due. Not thread-safe, and only for the process that created it.

    `heartbeat` is shared by workers that follow each other in one process, so that its counters never go back.
    """

    def __init__(self, heartbeat: Heartbeat | None = None) -> None:
        self._heartbeat = heartbeat or Heartbeat()
        self._mark = self._heartbeat.mark
        self._integrations = IntegrationCache()
        self._lanes = Lanes(LANE_CONCURRENCY)
        self._writes = PendingWrites(self._mark, self._lanes, self._heartbeat)
        self._attempts = Attempts(self._integrations, self._lanes, self._writes, self._heartbeat)
        self._after = NO_LANE
        self._depth = 1.0  # deliveries found on a lane by the last claim, on average
        self._written_at = self._renewed_at = self._drain_began = 0.0
        self._write_interval = WRITE_INTERVAL_SECONDS
        self._claims = ClaimTimes()
        self._database_retry_at = 0.0  # 0 while the database works

    def close(self) -> None:
        self._attempts.close()

    def abandon(self, error: BaseException) -> None:
        """Ends a worker whose drain was ended by an error: its lanes are released for others at once."""
        self._attempts.close()
        if not isinstance(error, Error):
            self._heartbeat.counters.faults["drain"] += 1
        try:
            claim.release(self._mark, self._lanes.clear())
        except Exception as another:  # noqa: BLE001 - then the leases expire
            log.warning("lanes_not_released", error=str(another).strip())

    def drain(self, seconds: float | None, should_stop: Callable[[], bool], hand_over: Callable[[], Any]) -> Drained:
        result = Drained()
        self._drain_began = time.monotonic()
        slice_ends = time.monotonic() + seconds if seconds is not None else float("inf")
        gives_up_at = float("inf")
        self._claims.begin()
        while True:
            now = time.monotonic()
            is_over = now >= slice_ends
            # Nothing would be sent while all workers of a machine wait at once for endpoints that hang.
            self._lanes.only_quick = is_over
            if not result.more and (should_stop() or (is_over and self._attempts.oldest > slice_ends)):
                result.more = True
                hand_over()
                for lane in self._lanes:
                    self._lanes.drop_backlog(lane)
            if should_stop():
                gives_up_at = min(gives_up_at, now + SHUTDOWN_GRACE_SECONDS)
            claim_again = now >= self._database_retry_at and self._try_database(result, now)
            if now >= gives_up_at or not (claim_again or self._is_busy()):
                break
            self._send(now, claim_again)
        self._give_up(result)
        return result

    def _send(self, now: float, claim_again: bool) -> None:
        """Starts flows and drives them until some have ended or it is time for the database."""
        has_more = not self._database_retry_at and self._attempts.start()
        wait = 0.0 if has_more else min(CLAIM_POLL_MAX_SECONDS, self._lanes.wakes_in(now))
        if self._claims.next_at > now:
            wait = min(wait, self._claims.next_at - now)
        ended = self._attempts.poll(wait)
        if not (ended or claim_again or self._attempts.in_flight):
            time.sleep(wait)  # for a lane that is ahead of its rate, or for the database

    def _try_database(self, result: Drained, now: float) -> bool:
        """Exchanges with the database. If that fails, what was claimed is kept, and nothing is sent until it works."""
        try:
            claim_again = self._exchange(result, now)
        except Error as error:
            if not is_locked(error):
                self._heartbeat.database_failed_at = time.monotonic()
            if not self._is_busy():
                raise
            log.warning("database_failed", error=str(error).strip())
            close_old_connections()
            self._database_retry_at = time.monotonic() + DATABASE_RETRY_SECONDS
            return False
        self._database_retry_at = 0.0
        return claim_again

    def _exchange(self, result: Drained, now: float) -> bool:
        """Writes, renews leases and claims, each if it is time to. Returns whether to claim again at once."""
        unwritten, waited = len(self._writes.outcomes), now - self._written_at
        if unwritten >= WRITE_BATCH_OUTCOMES or waited >= self._write_interval or not self._attempts.in_flight:
            self._write(result)
        self._renew_leases(now)
        if self._heartbeat.is_overdue(self._drain_began):
            self._beat()
        if result.more or not self._has_room() or (now < self._claims.next_at and self._is_busy()):
            self._beat()
            return False
        began = time.monotonic()
        claim_again = self._claim()
        if not claim_again:
            self._beat()  # not before the claim, for which an event may be waiting
        self._claims.claimed(began, time.monotonic(), may_find_more=claim_again, is_full=self._attempts.is_full)
        return claim_again

    def _write(self, result: Drained) -> None:
        began = time.monotonic()
        self._writes.write(result.counts)
        self._written_at = time.monotonic()
        interval = WRITE_INTERVAL_FACTOR * (self._written_at - began)
        self._write_interval = min(max(interval, WRITE_INTERVAL_SECONDS), WRITE_MAX_INTERVAL_SECONDS)

    def _beat(self) -> None:
        if neighbours := self._heartbeat.beat():
            crashes.release_dead(neighbours)

    def _is_busy(self) -> bool:
        """Whether any claimed delivery is still to be sent, in flight or to be written."""
        return bool(self._attempts.in_flight or self._writes or self._lanes.waiting)

    def _has_room(self) -> bool:
        moving = self._lanes.moving(time.monotonic())
        return (
            moving + len(self._writes.refused) < BACKLOG_DELIVERIES // 2
            and self._lanes.waiting < MAX_WAITING_DELIVERIES
        )

    def _claim(self) -> bool:
        """Claims a batch. Returns whether to claim again at once."""
        now = timezone.now()
        self._writes.retry_refused(now)
        began_at_first = self._after == NO_LANE
        # As many lanes as will fill the backlog if they are as deep as the last ones were, each at most twice as deep.
        # If endpoints answer late, as many as may be at work: with fewer, each would need more connections.
        wanted = max(BACKLOG_DELIVERIES / self._depth, self._attempts.limit / LANE_IN_FLIGHT, CLAIM_MIN_LANES)
        lanes = round(min(wanted, CLAIM_MAX_LANES))
        depth = min(max(2 * BACKLOG_DELIVERIES // lanes, 1), CLAIM_MAX_DEPTH)
        own = self._lanes.with_room(depth // 2, lanes, time.monotonic())
        exclude = [*self._lanes.unwritten(own), *self._writes.refused]
        sleep_seconds = self._lanes.sleep_seconds()
        room = LARGE_MESSAGES_BYTES - self._lanes.large_bytes
        leased_at = time.monotonic()
        has_failed = leased_at - self._heartbeat.database_failed_at < LEASE_GRACE_SECONDS
        grace = LEASE_GRACE if has_failed else timedelta(0)
        claimed = claim.claim_due(
            ClaimRequest(self._mark, now, lanes, depth, self._after, own, exclude, sleep_seconds, room, grace)
        )
        self._after = claimed.after
        for lane, leased in claimed.lanes.items():
            self._lanes.add(lane, leased, leased_at)
        found = self._add_to_backlog(claimed.deliveries)
        if found is not None:
            self._depth = max(found / (len(claimed.lanes) + len(own)), 1.0)
        return bool(claimed.deliveries) or not began_at_first

    def _add_to_backlog(self, deliveries: list[Claimed]) -> int | None:
        """Returns how many were added to the lanes; None if no integration is active."""
        inactive = [item.id for item in deliveries if not item.active]
        if inactive:
            claim.suspend(inactive)
        active = [item for item in deliveries if item.active]
        if not active:
            return None
        self._integrations.load(active)
        waiting = self._lanes.waiting
        for item in active:
            self._lanes.restrict(item.integration_id, *self._integrations.limits(item))
            self._lanes.push(item)
        return self._lanes.waiting - waiting

    def _renew_leases(self, now: float) -> None:
        """Renews the leases, and drops the backlog of integrations that have changed since it was claimed."""
        if now - self._renewed_at < LEASE_RENEWAL_SECONDS or not self._lanes:
            return
        self._renewed_at = now
        self._integrations.trim(self._lanes)
        for lane in claim.renew(self._mark, list(self._lanes)):
            self._lanes.lose(lane)
        for lane in claim.changed(self._lanes.versions()):
            self._lanes.drop_backlog(lane)
        self._lanes.drop_stalled(now)

    def _give_up(self, result: Drained) -> None:
        """Ends what is still in flight, writes, and releases all lanes. The endpoints may receive it twice."""
        self._attempts.give_up()
        try:
            self._writes.write(result.counts)
            if self._lanes:
                claim.release(self._mark, self._lanes.clear())
            if result.more:  # the process may end
                self._heartbeat.write()
        except Error as error:  # then the leases expire
            log.warning("lanes_not_released", error=str(error).strip())
            self._lanes.clear()

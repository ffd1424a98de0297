"""The lanes that a worker leases, and which delivery it starts next. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from . import circuit
from .values import Claimed, DeliveryId, IntegrationId

LANE_FIRST_LIMIT = 2  # deliveries at once to an endpoint about which nothing is known yet
LANE_BURST_SECONDS = 0.1  # that a lane with a rate limit may catch up
BACKLOG_PER_SLOT = 4  # deliveries kept ready for each that a lane may have in flight
LANE_STALLED_SECONDS = 1.0  # without an outcome, after which a lane's backlog no longer counts as work
SLOW_ATTEMPT_SECONDS = 1.0
LANE_REFILL_SECONDS = 2.0  # after which a lane is no longer refilled, so that an idle worker can take it over
MAX_REMEMBERED_LANES = 10_000


@dataclass(slots=True)
class _Lane:
    limit: int
    failures: int
    most: int
    moved_at: float
    taken_at: float
    interval: float = 0.0
    next_at: float = 0.0
    backlog: deque[Claimed] = field(default_factory=deque)
    in_flight: int = 0
    # What must not be claimed again: waiting in the backlog, in flight, or finished and not yet written.
    unwritten: set[DeliveryId] = field(default_factory=set)
    queued: bool = False
    stopped: bool = False
    lost: bool = False


class Lanes:
    """The lanes that a worker has leased, each with its backlog.

    `next` serves the lanes in turn. How many deliveries a lane may have in flight grows with every success, up to
    `concurrency`, and halves with every failure: an endpoint that hangs takes up little, and delays only its own lane.
    """

    def __init__(self, concurrency: int):
        self.concurrency = concurrency
        self._lanes: dict[IntegrationId, _Lane] = {}
        self._limits: dict[IntegrationId, int] = {}
        self._ready: deque[IntegrationId] = deque()
        self._sleeping: list[tuple[float, IntegrationId]] = []
        self._slow: set[IntegrationId] = set()
        self.waiting = 0  # deliveries that have not been started
        self.only_quick = False  # while True, `next` skips lanes whose endpoints may be slow to respond

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[IntegrationId]:
        return iter(self._lanes)

    def add(self, lane: IntegrationId, failures: int, now: float) -> None:
        """Adds a lane with so many failures in a row, and an empty backlog."""
        limit = self._limits.get(lane, min(LANE_FIRST_LIMIT, self.concurrency)) if failures == 0 else 1
        self._lanes.setdefault(lane, _Lane(limit, failures, self.concurrency, now, now))

    def restrict(self, lane_id: IntegrationId, rate: float | None, concurrency: int | None) -> None:
        """Limits a lane to `rate` deliveries a second and to `concurrency` at once; None for no limit."""
        lane = self._lanes[lane_id]
        lane.interval = 1 / rate if rate else 0.0
        lane.most = min(concurrency or self.concurrency, self.concurrency)
        lane.limit = min(lane.limit, lane.most)

    def push(self, claimed: Claimed) -> None:
        """Appends a delivery to its lane's backlog, once. If the backlog is full, it is left to a later claim."""
        lane = self._lanes[claimed.integration_id]
        if claimed.id in lane.unwritten:  # the lane was claimed again: its lease had expired unnoticed
            return
        if len(lane.backlog) >= BACKLOG_PER_SLOT * lane.limit:
            return
        lane.unwritten.add(claimed.id)
        lane.backlog.append(claimed)
        self.waiting += 1
        self._offer(claimed.integration_id, lane)

    def moving(self, now: float) -> int:
        """How many deliveries wait on lanes that make progress: not behind an endpoint that hangs."""
        return sum(len(lane.backlog) for lane in self._lanes.values() if now - lane.moved_at < LANE_STALLED_SECONDS)

    def next(self, now: float) -> Claimed | None:
        """The delivery to start next; None if every lane is empty, at its limit or ahead of its rate."""
        while self._sleeping and self._sleeping[0][0] <= now:
            self._ready.append(heapq.heappop(self._sleeping)[1])
        while self._ready:
            lane_id = self._ready.popleft()
            lane = self._lanes.get(lane_id)
            if lane is None:
                continue
            lane.queued = False
            if not lane.backlog or lane.in_flight >= lane.limit or self._is_avoided(lane_id, lane, now):
                continue
            if lane.interval:
                if lane.next_at > now:
                    lane.queued = True
                    heapq.heappush(self._sleeping, (lane.next_at, lane_id))
                    continue
                lane.next_at = max(lane.next_at, now - LANE_BURST_SECONDS) + lane.interval
            lane.in_flight += 1
            claimed = lane.backlog.popleft()
            self.waiting -= 1
            self._offer(lane_id, lane)
            return claimed
        return None

    def wakes_in(self, now: float) -> float:
        """The seconds until a lane that is ahead of its rate may continue."""
        return max(self._sleeping[0][0] - now, 0.0) if self._sleeping else float("inf")

    def finished(self, claimed: Claimed, now: float, seconds: float) -> None:
        """Notes that an attempt ended after `seconds`. Its delivery is not claimed again before it is written."""
        lane = self._lanes[claimed.integration_id]
        lane.moved_at = now
        if seconds < SLOW_ATTEMPT_SECONDS:
            self._slow.discard(claimed.integration_id)
        elif len(self._slow) < MAX_REMEMBERED_LANES:
            self._slow.add(claimed.integration_id)
        lane.in_flight -= 1
        self._offer(claimed.integration_id, lane)

    def succeeded(self, lane_id: IntegrationId) -> bool:
        """Notes that the endpoint accepted a delivery. Returns whether that ended a row of failures."""
        lane = self._lanes[lane_id]
        had_failed, lane.failures, lane.stopped = lane.failures > 0, 0, False
        if lane.limit < lane.most:
            lane.limit += 1
            self._remember(lane_id, lane.limit)
            self._offer(lane_id, lane)
        return had_failed

    def failed(self, lane_id: IntegrationId) -> tuple[int, float | None]:
        """Notes that it did not. Returns the failures in a row, and for how many seconds the circuit opens, if so."""
        lane = self._lanes[lane_id]
        lane.limit = max(lane.limit // 2, 1)
        self._remember(lane_id, lane.limit)
        if lane.stopped:  # what was in flight when the circuit opened says nothing new
            return lane.failures, None
        lane.failures += 1
        seconds = circuit.open_seconds(lane.failures)
        if seconds is not None:
            self.stop(lane_id)
        return lane.failures, seconds

    def stop(self, lane_id: IntegrationId) -> None:
        """Starts nothing more on a lane until it is claimed again."""
        self._lanes[lane_id].stopped = True
        self.drop_backlog(lane_id)

    def lose(self, lane_id: IntegrationId) -> None:
        """Starts nothing more on a lane whose lease another worker has taken."""
        self._lanes[lane_id].lost = True
        self.drop_backlog(lane_id)

    def failures(self, lane_id: IntegrationId) -> int:
        return self._lanes[lane_id].failures

    def written(self, lane_id: IntegrationId, delivery: DeliveryId) -> None:
        if lane := self._lanes.get(lane_id):  # None if it was dropped because an earlier write failed
            lane.unwritten.discard(delivery)

    def versions(self) -> dict[IntegrationId, int]:
        """The lanes with a backlog → the version of the integration at which it was claimed."""
        return {lane: state.backlog[0].version for lane, state in self._lanes.items() if state.backlog}

    def drop_backlog(self, lane_id: IntegrationId) -> None:
        """Drops what has not been started on a lane, to be claimed again later."""
        lane = self._lanes[lane_id]
        lane.unwritten.difference_update(claimed.id for claimed in lane.backlog)
        self.waiting -= len(lane.backlog)
        lane.backlog.clear()

    def drop_empty(self) -> dict[IntegrationId, float]:
        """Drops the lanes on which nothing is left. Returns them → when their rate lets them continue."""
        empty = {lane: state.next_at for lane, state in self._lanes.items() if not state.unwritten}
        for lane in empty:
            del self._lanes[lane]
        return empty

    def with_room(self, depth: int, limit: int, now: float) -> list[IntegrationId]:
        """Up to `limit` lanes to refill: their backlog is below `depth` and less than half full."""
        found = (
            lane
            for lane, state in self._lanes.items()
            if not (state.stopped or state.lost)
            and now - state.taken_at < LANE_REFILL_SECONDS
            and len(state.backlog) < min(depth, BACKLOG_PER_SLOT * state.limit // 2)
        )
        return [lane for lane, _ in zip(found, range(limit), strict=False)]

    def unwritten(self, lanes: Iterable[IntegrationId]) -> list[DeliveryId]:
        """The deliveries of these lanes that must not be claimed again."""
        return [delivery for lane in lanes for delivery in self._lanes[lane].unwritten]

    def clear(self) -> list[IntegrationId]:
        """Drops everything, and returns the lanes."""
        lanes = list(self._lanes)
        self._lanes.clear()
        self._ready.clear()
        self._sleeping.clear()
        self.waiting = 0
        return lanes

    def _offer(self, lane_id: IntegrationId, lane: _Lane) -> None:
        if lane.backlog and not lane.queued and lane.in_flight < lane.limit:
            lane.queued = True
            self._ready.append(lane_id)

    def _is_avoided(self, lane_id: IntegrationId, lane: _Lane, now: float) -> bool:
        if not self.only_quick:
            return False
        hangs = lane.in_flight > 0 and now - lane.moved_at >= LANE_STALLED_SECONDS
        return hangs or lane.failures > 0 or lane_id in self._slow

    def _remember(self, lane_id: IntegrationId, limit: int) -> None:
        if len(self._limits) > MAX_REMEMBERED_LANES:
            self._limits.clear()
        self._limits[lane_id] = limit

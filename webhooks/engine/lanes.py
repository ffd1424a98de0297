"""The lanes that a worker leases, and which delivery it starts next. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator

from integrations.core.errors import Fault

from .in_flight_limit import LEAST_IN_FLIGHT
from .lane_in_use import LANE_FIRST_LIMIT, LaneInUse
from .values import Claimed, DeliveryId, Group, IntegrationId, LaneHealth, LeasedLane

# A lane that may not send yet is kept for so long, and is released if it has to wait for longer. More than the seconds
# between two sweeps, so that one of them finds the lane before its time has come.
LANE_SLEEP_SECONDS = 6.0
MAX_SLEEPING_LANES = 1000  # in one process
SLOW_ATTEMPT_SECONDS = 1.0
MAX_REMEMBERED_LANES = 10_000


class Lanes:
    """The lanes that a worker has leased, each with its backlog.

    `next` serves the lanes in turn. How many deliveries a lane may have in flight grows with every success, up to
    `concurrency`, and halves with every failure: an endpoint that hangs takes up little, and delays only its own lane.
    It has so many only while they keep its connections at work; see `LaneInUse.was_used`.
    """

    def __init__(self, concurrency: int):
        self.concurrency = concurrency
        self._lanes: dict[IntegrationId, LaneInUse] = {}
        self._limits: dict[IntegrationId, int] = {}
        self._ready: deque[IntegrationId] = deque()
        self._sleeping: list[tuple[float, IntegrationId]] = []
        self._slow: set[IntegrationId] = set()
        self._moved_on: set[IntegrationId] = set()  # lanes whose `next_at` is to be written
        self.has_groups = False  # whether any lane ever had flows that send several deliveries
        self.waiting = 0  # deliveries that have not been started
        self.large_bytes = 0  # of large messages, waiting or in flight
        self.in_flight_limit = LEAST_IN_FLIGHT  # of all lanes together
        self.only_quick = False  # while True, `next` skips lanes whose endpoints may be slow to respond

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[IntegrationId]:
        return iter(self._lanes)

    def add(self, lane_id: IntegrationId, leased: LeasedLane, now: float) -> None:
        """Adds a lane that was leased at `now`, with an empty backlog."""
        failures = leased.failures
        limit = self._limits.get(lane_id, min(LANE_FIRST_LIMIT, self.concurrency)) if failures == 0 else 1
        new = LaneInUse(limit, failures, self.concurrency, now, now, leased.openings, leased.rejections)
        lane = self._lanes.setdefault(lane_id, new)
        lane.useful = max(lane.useful, self._least_useful())
        if leased.next_in is not None:
            lane.next_at = max(lane.next_at, now + leased.next_in)

    def restrict(self, lane_id: IntegrationId, rate: float | None, concurrency: int | None, at_once: int = 1) -> None:
        """Limits a lane to `rate` deliveries a second and to `concurrency` flows at once; None for no limit.

        One flow may send `at_once` deliveries.
        """
        self._lanes[lane_id].restrict(rate, min(concurrency or self.concurrency, self.concurrency), at_once)
        self.has_groups = self.has_groups or at_once > 1

    def push(self, claimed: Claimed) -> None:
        """Appends a delivery to its lane's backlog, once. If the backlog is full, it is left to a later claim."""
        lane = self._lanes[claimed.integration_id]
        if claimed.id in lane.unwritten:  # the lane was claimed again: its lease had expired unnoticed
            return
        if len(lane.backlog) >= lane.room:
            return
        self._add_bytes(lane, claimed.large_bytes)
        lane.unwritten.add(claimed.id)
        lane.backlog.append(claimed)
        self.waiting += 1
        self._offer(claimed.integration_id, lane)

    def moving(self, now: float) -> int:
        """How many deliveries wait on lanes that make progress: not behind an endpoint that hangs or a rate limit."""
        return sum(
            -(-len(lane.backlog) // lane.at_once)  # those that are sent together are the work of one
            for lane in self._lanes.values()
            if lane.next_at <= now and not lane.is_stalled(now)
        )

    def sleep_seconds(self) -> float:
        """How long a lane that is claimed now may have to wait for its rate limit."""
        return LANE_SLEEP_SECONDS if len(self._sleeping) < MAX_SLEEPING_LANES else 0.0

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
            if not lane.backlog or lane.in_flight >= lane.slots or self._is_avoided(lane_id, lane, now):
                continue
            if lane.next_at > now:
                self._sleep(lane_id, lane, now)
                continue
            if lane.interval:
                self._moved_on.add(lane_id)
            claimed = lane.take(now)
            self.waiting -= 1
            self._offer(lane_id, lane)
            return claimed
        return None

    def together(self, first: Claimed, now: float, most: int) -> Claimed | Group:
        """`first`, which `next` returned, with up to `most - 1` others of its lane if one flow may send them."""
        others = self._lanes[first.integration_id].take_with(first, now, most)
        self.waiting -= len(others)
        return Group.of([first, *others]) if others else first

    @property
    def has_ready(self) -> bool:
        """Whether `next` may have a delivery now; it may have none all the same."""
        return bool(self._ready or self._sleeping)

    def wakes_in(self, now: float) -> float:
        """The seconds until a lane that is ahead of its rate may continue."""
        return max(self._sleeping[0][0] - now, 0.0) if self._sleeping else float("inf")

    def finished(self, claimed: Claimed | Group, now: float, seconds: float, delay: float = 0.0) -> float:
        """Notes that an attempt ended after `seconds`. What it sent is not claimed again before that is written.

        `delay`: how long the answer may have waited for the worker. Returns which share of `seconds` is usual.
        """
        lane = self._lanes[claimed.integration_id]
        lane.moved_at = now
        usual_share = lane.was_used(seconds, delay, self._least_useful())
        if seconds < SLOW_ATTEMPT_SECONDS:
            self._slow.discard(claimed.integration_id)
        elif len(self._slow) < MAX_REMEMBERED_LANES:
            self._slow.add(claimed.integration_id)
        lane.in_flight -= 1
        if isinstance(claimed, Group):
            self._add_bytes(lane, -sum(delivery.large_bytes for delivery in claimed.deliveries))
        else:
            self._add_bytes(lane, -claimed.large_bytes)
        self._offer(claimed.integration_id, lane)
        return usual_share

    def succeeded(self, lane_id: IntegrationId, now: float) -> bool:
        """Notes that the endpoint accepted a delivery. Returns whether that ended a row of failures or rejections.

        It closes the circuit. What the endpoint asked for stands: nothing is sent before that time.
        """
        lane = self._lanes[lane_id]
        had_failed = lane.succeeded(now)
        if lane.limit < lane.most:
            lane.limit += 1
            self._remember(lane_id, lane.limit)
            self._offer(lane_id, lane)
        return had_failed

    def failed(
        self,
        lane_id: IntegrationId,
        now: float,
        fault: Fault = "service",
        *,
        retry_after: float | None = None,
        unresolved: bool = False,
    ) -> None:
        """Notes that it did not accept one, and that not the event is at fault.

        `retry_after`: how many seconds it asks to wait. `unresolved`: whether its name could not be resolved.
        """
        lane = self._lanes[lane_id]
        lane.failed(now, fault, retry_after, unresolved=unresolved)
        self._remember(lane_id, lane.limit)
        if lane.held_until > now:
            self.stop(lane_id)

    def rejected(self, lane_id: IntegrationId) -> None:
        """Notes that it will never accept a delivery, which holds up no other."""
        self._lanes[lane_id].rejections += 1

    def is_failing(self, lane_id: IntegrationId) -> bool:
        """Whether its last attempt failed and not the event was at fault."""
        return self._lanes[lane_id].failures > 0

    def rest(self, lane_id: IntegrationId, until: float) -> None:
        """Starts nothing more on a lane before `until`."""
        if lane := self._lanes.get(lane_id):
            lane.next_at = max(lane.next_at, until)
            self._moved_on.add(lane_id)

    def stop(self, lane_id: IntegrationId) -> None:
        """Starts nothing more on a lane until it is claimed again."""
        self._lanes[lane_id].stopped = True
        self.drop_backlog(lane_id)

    def lose(self, lane_id: IntegrationId) -> None:
        """Starts nothing more on a lane whose lease another worker has taken."""
        self._lanes[lane_id].lost = True
        self.drop_backlog(lane_id)

    def health(self, lane_id: IntegrationId) -> LaneHealth:
        """What its last attempts say of it."""
        return self._lanes[lane_id].health

    def moved_on(self) -> dict[IntegrationId, float]:
        """When lanes may send next, of those for which that has changed since the last call."""
        moved = {lane: self._lanes[lane].next_at for lane in self._moved_on if lane in self._lanes}
        self._moved_on.clear()
        return moved

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
        self._add_bytes(lane, -sum(claimed.large_bytes for claimed in lane.backlog))
        self.waiting -= len(lane.backlog)
        lane.backlog.clear()

    def drop_stalled(self, now: float) -> None:
        """Drops the large messages that wait behind endpoints that hang: their memory is of use to others."""
        for lane_id, lane in self._lanes.items():
            if lane.large_bytes and lane.is_stalled(now):
                self.drop_backlog(lane_id)

    def drop_empty(self) -> list[IntegrationId]:
        """Drops the lanes on which nothing is left, and returns them."""
        empty = [lane for lane, state in self._lanes.items() if not state.unwritten]
        for lane in empty:
            del self._lanes[lane]
        return empty

    def with_room(self, depth: int, limit: int, now: float) -> list[IntegrationId]:
        """Up to `limit` lanes to refill: their backlog is below `depth` and less than half full."""
        sleeps = self.sleep_seconds()
        found = (lane for lane, state in self._lanes.items() if state.takes_more(depth, sleeps, now))
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
        self._moved_on.clear()
        self.waiting = self.large_bytes = 0
        return lanes

    def _least_useful(self) -> int:
        """With few lanes each needs more at once, so that as many are in flight as the worker wants."""
        return max(self.in_flight_limit // max(len(self._lanes), 1), LANE_FIRST_LIMIT)

    def _add_bytes(self, lane: LaneInUse, count: int) -> None:
        lane.large_bytes += count
        self.large_bytes += count

    def _sleep(self, lane_id: IntegrationId, lane: LaneInUse, now: float) -> None:
        """Puts a lane aside until it may send; one for which that is too long is left to a later claim."""
        if lane.next_at - now > self.sleep_seconds():
            self.drop_backlog(lane_id)
            return
        lane.queued = True
        heapq.heappush(self._sleeping, (lane.next_at, lane_id))

    def _offer(self, lane_id: IntegrationId, lane: LaneInUse) -> None:
        if lane.backlog and not lane.queued and lane.in_flight < lane.slots:
            lane.queued = True
            self._ready.append(lane_id)

    def _is_avoided(self, lane_id: IntegrationId, lane: LaneInUse, now: float) -> bool:
        if not self.only_quick:
            return False
        return lane.is_stalled(now) or lane.failures > 0 or lane_id in self._slow

    def _remember(self, lane_id: IntegrationId, limit: int) -> None:
        if len(self._limits) > MAX_REMEMBERED_LANES:
            self._limits.clear()
        self._limits[lane_id] = limit

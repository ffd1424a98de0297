"""What one worker holds in its hands, and whose turn it is. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from . import circuit
from .claim import Claimed, Id

BEGINNING = 2  # deliveries at once to an endpoint that nothing is known of yet
BURST = 0.1  # seconds that a limited lane may catch up
AHEAD = 4  # deliveries kept ready for each that a lane may have under way
STALLED = 1.0  # seconds without an outcome after which what waits on a lane is no work to go on with
SLOW = 1.0  # seconds that a try takes where an endpoint is slow
KEPT = 2.0  # seconds after which a lane is let run empty, for a worker that has nothing to do to take it over
REMEMBERED = 10_000  # lanes


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
    under_way: int = 0
    # Everything that must not be claimed again: waiting here, under way, or finished and not yet written.
    held: set[Id] = field(default_factory=set)
    queued: bool = False
    resting: bool = False
    lost: bool = False


class Lanes:
    """The lanes that a worker has leased, each with what it may send next.

    `next` serves the lanes in turn. How many deliveries a lane may have under way grows with every success, up to
    `concurrency`, and halves with every failure: an endpoint that hangs takes up next to nothing, and holds up its
    own lane and no other.
    """

    def __init__(self, concurrency: int):
        self.concurrency = concurrency
        self._lanes: dict[Id, _Lane] = {}
        self._limits: dict[Id, int] = {}
        self._ready: deque[Id] = deque()
        self._sleeping: list[tuple[float, Id]] = []
        self._slow: set[Id] = set()
        self.waiting = 0  # deliveries that have not been started
        self.only_quick = False  # leaves alone, for a while, all lanes that may keep a delivery waiting for its answer

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Id]:
        return iter(self._lanes)

    def add(self, lane: Id, failures: int, now: float) -> None:
        """Takes a lane in with so many failures in a row, and nothing on it yet."""
        limit = self._limits.get(lane, min(BEGINNING, self.concurrency)) if failures == 0 else 1
        self._lanes.setdefault(lane, _Lane(limit, failures, self.concurrency, now, now))

    def restrict(self, lane_id: Id, rate: float | None, concurrency: int | None) -> None:
        """Limits a lane to `rate` deliveries a second and to `concurrency` at once; None for as many as it takes."""
        lane = self._lanes[lane_id]
        lane.interval = 1 / rate if rate else 0.0
        lane.most = min(concurrency or self.concurrency, self.concurrency)
        lane.limit = min(lane.limit, lane.most)

    def push(self, claimed: Claimed) -> None:
        """Puts a delivery at the end of its lane, once. Where the lane is full, it is left to a later claim."""
        lane = self._lanes[claimed.integration_id]
        if claimed.id in lane.held:  # the lane was claimed anew: its lease had run out unnoticed
            return
        if len(lane.backlog) >= AHEAD * lane.limit:
            return
        lane.held.add(claimed.id)
        lane.backlog.append(claimed)
        self.waiting += 1
        self._offer(claimed.integration_id, lane)

    def moving(self, now: float) -> int:
        """How many deliveries wait on lanes that move: not behind an endpoint that hangs."""
        return sum(len(lane.backlog) for lane in self._lanes.values() if now - lane.moved_at < STALLED)

    def next(self, now: float) -> Claimed | None:
        """The delivery to start next, or None where every lane is empty, busy or ahead of its rate."""
        while self._sleeping and self._sleeping[0][0] <= now:
            self._ready.append(heapq.heappop(self._sleeping)[1])
        while self._ready:
            lane_id = self._ready.popleft()
            lane = self._lanes.get(lane_id)
            if lane is None:
                continue
            lane.queued = False
            if not lane.backlog or lane.under_way >= lane.limit or self._is_avoided(lane_id, lane, now):
                continue
            if lane.interval:
                if lane.next_at > now:
                    lane.queued = True
                    heapq.heappush(self._sleeping, (lane.next_at, lane_id))
                    continue
                lane.next_at = max(lane.next_at, now - BURST) + lane.interval
            lane.under_way += 1
            claimed = lane.backlog.popleft()
            self.waiting -= 1
            self._offer(lane_id, lane)
            return claimed
        return None

    def wakes_in(self, now: float) -> float:
        """The seconds until a lane that is ahead of its rate may go on."""
        return max(self._sleeping[0][0] - now, 0.0) if self._sleeping else float("inf")

    def finished(self, claimed: Claimed, now: float, seconds: float) -> None:
        """Makes room for the next delivery of the same lane; this one took so long, and is held until it is written."""
        lane = self._lanes[claimed.integration_id]
        lane.moved_at = now
        if seconds < SLOW:
            self._slow.discard(claimed.integration_id)
        elif len(self._slow) < REMEMBERED:
            self._slow.add(claimed.integration_id)
        lane.under_way -= 1
        self._offer(claimed.integration_id, lane)

    def succeeded(self, lane_id: Id) -> bool:
        """Notes that the endpoint took a delivery. Returns whether that ended a row of failures."""
        lane = self._lanes[lane_id]
        had_failed, lane.failures, lane.resting = lane.failures > 0, 0, False
        if lane.limit < lane.most:
            lane.limit += 1
            self._remember(lane_id, lane.limit)
            self._offer(lane_id, lane)
        return had_failed

    def failed(self, lane_id: Id) -> tuple[int, float | None]:
        """Notes that it did not. Returns the failures in a row, and the seconds to rest where the circuit opens."""
        lane = self._lanes[lane_id]
        lane.limit = max(lane.limit // 2, 1)
        self._remember(lane_id, lane.limit)
        if lane.resting:  # what was under way when the circuit opened tells nothing new
            return lane.failures, None
        lane.failures += 1
        rest = circuit.rest_after(lane.failures)
        if rest is not None:
            self.rest(lane_id)
        return lane.failures, rest

    def rest(self, lane_id: Id) -> None:
        """Starts nothing more on a lane while it is held here."""
        self._lanes[lane_id].resting = True
        self.drop_backlog(lane_id)

    def lose(self, lane_id: Id) -> None:
        """Starts nothing more on a lane that is another worker's by now."""
        self._lanes[lane_id].lost = True
        self.drop_backlog(lane_id)

    def failures(self, lane_id: Id) -> int:
        return self._lanes[lane_id].failures

    def written(self, lane_id: Id, delivery: Id) -> None:
        if lane := self._lanes.get(lane_id):  # else it was let go of before a first try to write failed
            lane.held.discard(delivery)

    def versions(self) -> dict[Id, int]:
        """The lanes with a backlog → the version of the integration for which it was claimed."""
        return {lane: state.backlog[0].version for lane, state in self._lanes.items() if state.backlog}

    def drop_backlog(self, lane_id: Id) -> None:
        """Forgets what has not been started on a lane: it is to be claimed again, as things stand then."""
        lane = self._lanes[lane_id]
        lane.held.difference_update(claimed.id for claimed in lane.backlog)
        self.waiting -= len(lane.backlog)
        lane.backlog.clear()

    def drop_empty(self) -> dict[Id, float]:
        """Forgets the lanes on which nothing is left. Returns them → when their rate lets them go on."""
        empty = {lane: state.next_at for lane, state in self._lanes.items() if not state.held}
        for lane in empty:
            del self._lanes[lane]
        return empty

    def with_room(self, depth: int, limit: int, now: float) -> list[Id]:
        """Up to `limit` lanes to be filled up: their backlog is below `depth` and less than half of what they hold."""
        found = (
            lane
            for lane, state in self._lanes.items()
            if not (state.resting or state.lost)
            and now - state.taken_at < KEPT
            and len(state.backlog) < min(depth, AHEAD * state.limit // 2)
        )
        return [lane for lane, _ in zip(found, range(limit), strict=False)]

    def held(self, lanes: Iterable[Id]) -> list[Id]:
        """The deliveries of these lanes that must not be claimed again."""
        return [delivery for lane in lanes for delivery in self._lanes[lane].held]

    def clear(self) -> list[Id]:
        """Forgets everything, and returns the lanes."""
        lanes = list(self._lanes)
        self._lanes.clear()
        self._ready.clear()
        self._sleeping.clear()
        self.waiting = 0
        return lanes

    def _offer(self, lane_id: Id, lane: _Lane) -> None:
        if lane.backlog and not lane.queued and lane.under_way < lane.limit:
            lane.queued = True
            self._ready.append(lane_id)

    def _is_avoided(self, lane_id: Id, lane: _Lane, now: float) -> bool:
        if not self.only_quick:
            return False
        hangs = lane.under_way > 0 and now - lane.moved_at >= STALLED
        return hangs or lane.failures > 0 or lane_id in self._slow

    def _remember(self, lane_id: Id, limit: int) -> None:
        if len(self._limits) > REMEMBERED:
            self._limits.clear()
        self._limits[lane_id] = limit

"""What one worker holds in its hands, and whose turn it is. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from .queue import Claimed


@dataclass(slots=True)
class _Lane:
    backlog: deque[Claimed] = field(default_factory=deque)
    under_way: int = 0
    # Everything that must not be claimed again: waiting here, under way, or finished and not yet written.
    held: set[UUID] = field(default_factory=set)


class Lanes:
    """The lanes that a worker has leased, each with what it may send next.

    `next` serves the lanes in turn, and of each only so many deliveries at once (`concurrency`): a slow endpoint
    holds up its own lane and no other.
    """

    def __init__(self, concurrency: int):
        self.concurrency = concurrency
        self._lanes: dict[UUID, _Lane] = {}
        self._ready: deque[UUID] = deque()

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._lanes)

    def add(self, lanes: Iterable[UUID]) -> None:
        """Takes lanes in, with nothing on them yet."""
        for lane in lanes:
            self._lanes.setdefault(lane, _Lane())

    def push(self, claimed: Claimed) -> None:
        """Puts a delivery at the end of its lane."""
        lane = self._lanes[claimed.integration_id]
        lane.held.add(claimed.id)
        lane.backlog.append(claimed)
        if len(lane.backlog) == 1 and lane.under_way < self.concurrency:
            self._ready.append(claimed.integration_id)

    def next(self) -> Claimed | None:
        """The delivery to start next, or None where every lane is empty or busy."""
        if not self._ready:
            return None
        lane = self._lanes[self._ready[0]]
        claimed = lane.backlog.popleft()
        lane.under_way += 1
        if lane.backlog and lane.under_way < self.concurrency:
            self._ready.rotate(-1)
        else:
            self._ready.popleft()
        return claimed

    def finished(self, claimed: Claimed) -> None:
        """Makes room for the next delivery of the same lane; this one is held until it is written."""
        lane = self._lanes[claimed.integration_id]
        lane.under_way -= 1
        if lane.backlog and lane.under_way == self.concurrency - 1:
            self._ready.append(claimed.integration_id)

    def written(self, lane: UUID, delivery: UUID) -> None:
        self._lanes[lane].held.discard(delivery)

    def versions(self) -> dict[UUID, datetime]:
        """The lanes with a backlog → the version of the integration for which it was claimed."""
        return {lane: state.backlog[0].version for lane, state in self._lanes.items() if state.backlog}

    def drop_backlog(self, lane: UUID) -> None:
        """Forgets what has not been started on a lane: it is to be claimed again, as things stand then."""
        state = self._lanes[lane]
        state.held.difference_update(claimed.id for claimed in state.backlog)
        state.backlog.clear()
        if lane in self._ready:
            self._ready.remove(lane)

    def drop_empty(self) -> list[UUID]:
        """Forgets the lanes on which nothing is left, and returns them."""
        empty = [lane for lane, state in self._lanes.items() if not state.held]
        for lane in empty:
            del self._lanes[lane]
        return empty

    def with_room(self, depth: int, limit: int) -> list[UUID]:
        """Up to `limit` lanes whose backlog is below `depth`."""
        found = (lane for lane, state in self._lanes.items() if len(state.backlog) < depth)
        return [lane for lane, _ in zip(found, range(limit), strict=False)]

    def held(self, lanes: Iterable[UUID]) -> list[UUID]:
        """The deliveries of these lanes that must not be claimed again."""
        return [delivery for lane in lanes for delivery in self._lanes[lane].held]

    def waiting(self) -> int:
        """How many deliveries have not been started."""
        return sum(len(state.backlog) for state in self._lanes.values())

    def clear(self) -> list[UUID]:
        """Forgets everything, and returns the lanes."""
        lanes = list(self._lanes)
        self._lanes.clear()
        self._ready.clear()
        return lanes

"""Flows that wait for the addresses of a name, until a time of their own. Pure."""

import heapq
from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

Run = TypeVar("Run")


class Waiting(Generic[Run]):
    """Flows by the name that they wait for. Times are in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[int, Run]] = {}
        self._ends: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Run]:
        return (run for runs in self._by_name.values() for run in runs.values())

    def add(self, name: str, run: Run, until: float) -> None:
        number = next(self._numbers)
        self._length += 1
        self._by_name.setdefault(name, {})[number] = run
        heapq.heappush(self._ends, (until, number, name))

    def take(self, name: str) -> list[Run]:
        """Takes out those that wait for `name`, in the order in which they came."""
        runs = list(self._by_name.pop(name, {}).values())
        self._length -= len(runs)
        return runs

    def next_end(self) -> float:
        """When the first of them stops waiting, or earlier; inf if there is none."""
        return self._ends[0][0] if self._ends else float("inf")

    def take_expired(self, now: float) -> Iterator[tuple[str, Run, bool]]:
        """Takes out those whose time is up: the name of each, and whether nothing else waits for that name."""
        while self._ends and self._ends[0][0] <= now:
            _, number, name = heapq.heappop(self._ends)
            run = self._by_name.get(name, {}).pop(number, None)
            if run is not None:
                self._length -= 1
                is_last = not self._by_name[name]
                if is_last:
                    del self._by_name[name]
                yield name, run, is_last

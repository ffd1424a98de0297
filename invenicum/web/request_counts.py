"""Counts the requests that a process has answered, in memory: less than a microsecond for each. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

# From a request's head to the head of its answer.
DURATION_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"  # the route of a request to an address that does not exist, or that was refused before

Counts = dict[str, float]


class RequestCounts:
    """The counts of one process. Not thread-safe: for its event loop.

    The names of `take` are `requests|POST|/events|202`, `duration|/events|0.05` (not cumulative, `inf` for the last)
    and `seconds|/events`.
    """

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Notes an answer. route: of the address, e.g. `/events`; empty if it has none."""
        route = route or UNMATCHED
        self._requests[method, route, status] += 1
        durations = self._durations.get(route)
        if durations is None:
            durations = self._durations[route] = [0] * (len(DURATION_SECONDS) + 1)
        durations[bisect_left(DURATION_SECONDS, seconds)] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter adds any number

    def take(self) -> Counts:
        """What was counted since the last call, by name."""
        taken: Counts = {}
        for (method, route, status), count in self._requests.items():
            name = f"requests|{method if method in METHODS else 'other'}|{route}|{status}"
            taken[name] = taken.get(name, 0) + count
        for route, durations in self._durations.items():
            for bound, count in zip((*DURATION_SECONDS, "inf"), durations, strict=True):
                if count:
                    taken[f"duration|{route}|{bound}"] = count
        taken |= {f"seconds|{route}": seconds for route, seconds in self._seconds.items()}
        self.__init__()  # type: ignore[misc]
        return taken

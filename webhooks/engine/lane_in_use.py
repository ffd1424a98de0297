"""One lane as the worker that leases it knows it. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from integrations.core.errors import Fault

from . import circuit
from .in_flight_limit import usual_seconds
from .values import (
    GROUP_MOST_BYTES,
    GROUP_MOST_DELIVERIES,
    LANE_LARGE_BYTES,
    Claimed,
    DeliveryId,
    LaneHealth,
)

LANE_FIRST_LIMIT = 2  # deliveries at once to an endpoint about which nothing is known yet
LANE_CATCH_UP_SECONDS = 0.1  # that a lane with a rate limit may be behind it and still catch up
LANE_REFILL_SECONDS = 2.0  # after which a lane is no longer refilled, so that an idle worker can take it over
LANE_STALLED_SECONDS = 1.0  # without an outcome, after which a lane's backlog no longer counts as work
BACKLOG_PER_SLOT = 4  # deliveries kept ready for each that a lane may have in flight
LIMITED_BACKLOG_SECONDS = 0.5  # of its rate that a lane with a rate limit keeps ready, and at least one delivery


@dataclass(slots=True)
class LaneInUse:
    limit: int
    failures: int  # in a row
    most: int
    moved_at: float
    taken_at: float
    openings: int = 0  # of the circuit breaker, in a row
    rejections: int = 0  # events that the service refused, in a row
    # The rate limit: seconds between two deliveries, and when the next may be started.
    interval: float = 0.0
    next_at: float = float("-inf")
    # Until when nothing is sent: because the circuit breaker opened, and because the endpoint asked for it.
    opened_until: float = float("-inf")
    asked_until: float = float("-inf")
    backlog: deque[Claimed] = field(default_factory=deque)
    in_flight: int = 0
    useful: int = LANE_FIRST_LIMIT  # requests at once that keep its connections at work
    usual_seconds: float = 0.0  # that an answer takes
    at_once: int = 1  # deliveries that one flow may send; those that it sends count as one in flight
    large_bytes: int = 0  # of large messages, waiting or in flight
    # What must not be claimed again: waiting in the backlog, in flight, or finished and not yet written.
    unwritten: set[DeliveryId] = field(default_factory=set)
    queued: bool = False
    stopped: bool = False
    lost: bool = False

    @property
    def held_until(self) -> float:
        return max(self.opened_until, self.asked_until)

    @property
    def slots(self) -> int:
        """How many deliveries it may have in flight."""
        return self.limit if self.limit < self.useful else self.useful

    def is_stalled(self, now: float) -> bool:
        """Whether it hangs: requests are in flight and none has ended for a while."""
        return self.in_flight > 0 and now - self.moved_at >= LANE_STALLED_SECONDS

    @property
    def health(self) -> LaneHealth:
        return LaneHealth(self.failures, self.openings, self.rejections, self.held_until)

    def restrict(self, rate: float | None, most: int, at_once: int) -> None:
        """Limits it to `rate` deliveries a second, and to `most` flows at once, each of `at_once` deliveries."""
        self.interval = 1 / rate if rate else 0.0
        self.most = most
        self.limit = min(self.limit, most)
        self.at_once = min(at_once, GROUP_MOST_DELIVERIES)

    def succeeded(self, now: float) -> bool:
        """Closes the circuit. Returns whether that ended a row of failures or rejections."""
        had_failed = self.failures > 0 or self.rejections > 0
        if had_failed:
            self.failures = self.openings = self.rejections = 0
            self.opened_until = float("-inf")
        if self.asked_until <= now:
            self.stopped = False
        return had_failed

    def failed(self, now: float, fault: Fault, retry_after: float | None, *, unresolved: bool) -> None:
        """Counts a failure that is not the event's, and holds the lane if that opens the circuit."""
        self.limit = max(self.limit // 2, 1)
        if not self.stopped:  # else it was in flight when the lane stopped, and says nothing new
            self.failures += 1
            if circuit.opens(self.failures, self.openings, fault):
                self.openings += 1
            self.opened_until = now + circuit.rest_seconds(self.failures, self.openings, fault, unresolved=unresolved)
        if retry_after:  # asked of one request, and kept by all
            self.asked_until = max(self.asked_until, now + retry_after)

    def take(self, now: float) -> Claimed:
        """Takes the first delivery of the backlog, to be started."""
        if self.interval:
            self.next_at = max(self.next_at, now - LANE_CATCH_UP_SECONDS) + self.interval
        if not self.in_flight:
            self.moved_at = now
        self.in_flight += 1
        return self.backlog.popleft()

    def take_with(self, first: Claimed, now: float, most: int) -> list[Claimed]:
        """Takes up to `most - 1` deliveries from the backlog that one flow may send together with `first`.

        The rate holds: only those that could be started now are taken. While the lane fails, its deliveries are tried
        one by one, and so is each that was tried before.
        """
        taken: list[Claimed] = []
        if self.at_once == 1 or self.failures or first.goes_alone:
            return taken
        size = first.large_bytes or len(first.message.body)
        while self.backlog and len(taken) + 1 < min(self.at_once, most):
            following = self.backlog[0]
            size += following.large_bytes or len(following.message.body)
            if following.goes_alone or size > GROUP_MOST_BYTES or (self.interval and self.next_at > now):
                break
            self.next_at += self.interval
            taken.append(self.backlog.popleft())
        return taken

    def was_used(self, seconds: float, delay: float, least: int) -> float:
        """Adjusts how many are useful, to an answer `seconds` after its request that may have waited for `delay`.

        A connection whose answers wait for the worker is idle; while they do for half of the time, another connection
        would be idle as well. As long as fewer are enough, nothing is learned. At least `least` are useful.
        Returns which share of `seconds` is usual.
        """
        if seconds < 2 * delay:
            self.useful -= 1
        elif self.backlog and self.useful <= self.in_flight and self.useful < self.most:
            self.useful += 1
        self.useful = max(self.useful, least)
        usual, self.usual_seconds = self.usual_seconds or seconds, usual_seconds(self.usual_seconds, seconds)
        return min(usual / seconds, 1.0) if seconds else 1.0

    def takes_more(self, depth: int, sleep_seconds: float, now: float) -> bool:
        """Whether it is to be refilled: less than half full, below `depth`, and sending within `sleep_seconds`."""
        return (
            not (self.stopped or self.lost)
            and (self.interval > 0 or now - self.taken_at < LANE_REFILL_SECONDS)
            and len(self.backlog) < (min(depth, (self.room + 1) // 2) if self.at_once == 1 else self.room // 2)
            and self.next_at - now <= sleep_seconds
            and not (self.large_bytes and (self.large_bytes >= LANE_LARGE_BYTES // 2 or self.is_stalled(now)))
        )

    @property
    def room(self) -> int:
        """How many deliveries are kept ready."""
        room = BACKLOG_PER_SLOT * self.limit if self.at_once == 1 else 2 * self.at_once
        return min(room, max(int(LIMITED_BACKLOG_SECONDS / self.interval), 1)) if self.interval else room

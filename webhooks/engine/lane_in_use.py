"""One lane as the worker that leases it knows it. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .in_flight_limit import usual_seconds
from .values import GROUP_MOST_BYTES, Claimed, DeliveryId

LANE_FIRST_LIMIT = 2  # deliveries at once to an endpoint about which nothing is known yet
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

    @property
    def room(self) -> int:
        """How many deliveries are kept ready."""
        room = BACKLOG_PER_SLOT * self.limit if self.at_once == 1 else 2 * self.at_once
        return min(room, max(int(LIMITED_BACKLOG_SECONDS / self.interval), 1)) if self.interval else room

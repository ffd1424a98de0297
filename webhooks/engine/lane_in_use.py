"""One lane as the worker that leases it knows it. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .in_flight_limit import usual_seconds
from .values import Claimed, DeliveryId

LANE_FIRST_LIMIT = 2  # deliveries at once to an endpoint about which nothing is known yet
LANE_STALLED_SECONDS = 1.0  # without an outcome, after which a lane's backlog no longer counts as work
BACKLOG_PER_SLOT = 4  # deliveries kept ready for each that a lane may have in flight
LIMITED_BACKLOG_SECONDS = 0.5  # of its rate that a lane with a rate limit keeps ready, and at least one delivery


@dataclass(slots=True)
class LaneInUse:
    limit: int
    failures: int
    most: int
    moved_at: float
    taken_at: float
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

    def was_used(self, seconds: float, delay: float, least: int) -> float:
        """Adjusts how many are useful, to an answer `seconds` after its request that may have waited for `delay`.

        A connection whose answers wait for the worker is idle; while they do for half of the time, another connection
        would be idle as well. As long as fewer are enough, nothing is learned. At least `least` are useful.
        Returns which share of `seconds` is usual.
        """
        if seconds < 2 * delay:
            self.useful = max(self.useful - 1, least)
        elif self.backlog and self.useful <= self.in_flight and self.useful < self.most:
            self.useful += 1
        usual, self.usual_seconds = self.usual_seconds or seconds, usual_seconds(self.usual_seconds, seconds)
        return min(usual / seconds, 1.0) if seconds else 1.0

    @property
    def room(self) -> int:
        """How many deliveries are kept ready."""
        room = BACKLOG_PER_SLOT * self.limit
        return min(room, max(int(LIMITED_BACKLOG_SECONDS / self.interval), 1)) if self.interval else room

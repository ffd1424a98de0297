"""When a worker claims next. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

# Between two claims while flows are in flight; doubled each time that nothing was found.
CLAIM_POLL_MIN_SECONDS, CLAIM_POLL_MAX_SECONDS = 0.01, 0.05
CLAIM_INTERVAL_FACTOR = 4  # so that claiming takes a fifth of the time at most


class ClaimTimes:
    """The times of one worker's claims. `next_at` is when the next is due."""

    def __init__(self) -> None:
        self.next_at = 0.0
        self._poll_seconds = CLAIM_POLL_MIN_SECONDS

    def begin(self) -> None:
        """Makes a claim due at once."""
        self.next_at = 0.0

    def claimed(self, began: float, ended: float, *, may_find_more: bool, is_full: bool) -> None:
        """Notes a claim. `may_find_more`: whether another one at once is worthwhile.

        `is_full`: whether the worker has more that it could send than may be in flight. Then another claim at once
        would find only what came meanwhile: the time that it takes is better spent on sending, else what was claimed
        waits here, ever longer.
        """
        if may_find_more:
            self._poll_seconds = CLAIM_POLL_MIN_SECONDS
            self.next_at = ended + (CLAIM_INTERVAL_FACTOR * (ended - began) if is_full else 0.0)
        else:
            self.next_at = ended + self._poll_seconds
            self._poll_seconds = min(2 * self._poll_seconds, CLAIM_POLL_MAX_SECONDS)

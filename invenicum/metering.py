"""Counts what accounts use, in memory, so that a quota costs a request a microsecond and no query. Pure.

Each process counts for itself. `RateMeter` is exact in one process: with several, an account whose connections are
spread over them gets at most the limit from each. `Estimate` knows what the database says and what this process has
added since; it looks again after each hundredth of the limit, so that several processes can exceed the limit by a
hundredth each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .quotas import Quota, QuotaExceeded

MAX_METERED_ACCOUNTS = 10_000  # kept in memory; an account that is forgotten begins again
LOOKS_PER_LIMIT = 100
# An account that is above its quota is looked at again after this time, or after as long as ten looks take.
LOOK_AGAIN_SECONDS = 1.0
LOOKS_SHARE = 10

Clock = Callable[[], float]


class RateMeter:
    """A number a minute for each account: a bucket that holds a minute's worth and fills steadily.

    More than a whole bucket at once is accepted if the bucket is full; the account then waits for longer.
    """

    clock: Clock = staticmethod(time.monotonic)

    def __init__(self, quota: Quota):
        self._quota = quota
        self._lock = threading.Lock()
        self._buckets: dict[int, tuple[float, float]] = {}  # account → what is left, and when that was

    def spend(self, amounts: Mapping[int, int]) -> None:
        """Counts `amounts` by account, all or none. Raises QuotaExceeded."""
        limit = self._quota.limit
        if not limit:
            return
        now, rate = self.clock(), limit / 60
        with self._lock:
            left = {account: self._left(account, now, limit, rate) for account in amounts}
            waits = {
                account: (min(amount, limit) - left[account]) / rate
                for account, amount in amounts.items()
                if left[account] < min(amount, limit)
            }
            if waits:
                raise QuotaExceeded(self._quota, max(waits.values()), waits.keys())
            for account, amount in amounts.items():
                self._buckets[account] = (left[account] - amount, now)
            if len(self._buckets) > MAX_METERED_ACCOUNTS:
                self._buckets = {
                    account: bucket
                    for account, bucket in self._buckets.items()
                    if self._left(account, now, limit, rate) < limit
                }

    def _left(self, account: int, now: float, limit: float, rate: float) -> float:
        rest, at = self._buckets.get(account, (limit, now))
        return min(limit, rest + max(now - at, 0.0) * rate)


@dataclass(slots=True)
class _Known:
    """What is known of one account."""

    used: int = 0  # as the database said
    added: int = 0  # since then, by this process
    look_again_at: float = 0.0


class Estimate:
    """How much of something each account has, for a quota on what exists: what is pending, or stored.

    `look(account)` asks the database for what an account uses. It is called once for each hundredth of the limit that
    the account adds, and before a request is refused; an account that adds little is never looked at.
    """

    def __init__(
        self,
        quota: Quota,
        look: Callable[[int], int],
        retry_after: float | None = None,
        clock: Clock = time.monotonic,
    ):
        self._quota, self._look, self._retry_after, self._clock = quota, look, retry_after, clock
        self._lock = threading.Lock()
        self._known: dict[int, _Known] = {}

    def check(self, account: int, adding: int = 0, *, may_look: bool = True) -> None:
        """Raises QuotaExceeded if the account would have more than the limit with `adding` more, or has it already.

        may_look: if not, QuotaExceeded is raised instead of asking the database.
        """
        limit = self._quota.limit
        if not limit:
            return
        with self._lock:
            known = self._known.get(account, _Known())
            is_above = known.used + known.added + max(adding, 1) > limit
            is_enough = not is_above and known.added + adding < limit / LOOKS_PER_LIMIT
            must_look = not is_enough and (not is_above or self._clock() >= known.look_again_at)
        if must_look and not may_look:
            raise QuotaExceeded(self._quota, self._retry_after, [account])
        if must_look:
            known = self._looked(account)
            is_above = known.used + max(adding, 1) > limit
        if is_above:
            raise QuotaExceeded(self._quota, self._retry_after, [account])

    def add(self, account: int, amount: int) -> None:
        """Notes what this process has added."""
        with self._lock:
            self._known.setdefault(account, _Known()).added += amount
            if len(self._known) > MAX_METERED_ACCOUNTS:
                self._known.pop(next(iter(self._known)))

    def _looked(self, account: int) -> _Known:
        began = self._clock()
        used = self._look(account)
        took = self._clock() - began
        known = _Known(used, 0, began + max(LOOK_AGAIN_SECONDS, LOOKS_SHARE * took))
        with self._lock:
            self._known[account] = known
        return known

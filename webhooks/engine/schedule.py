"""When a delivery is tried again. Pure."""

from collections.abc import Sequence

JITTER = 0.1


def next_delay(attempts: int, schedule: Sequence[float], retry_after: float | None, chance: float) -> float | None:
    """The seconds until the next try after `attempts` failed ones, or None when the tries have run out.

    `schedule[n]` is the wait before try `n + 1`. `chance` in [0, 1) spreads the wait by ±10 %, so that what failed
    together does not come back together. What the endpoint asked for (`retry_after`, in seconds) is the least.
    """
    if attempts >= len(schedule):
        return None
    spread = schedule[attempts] * (1 + JITTER * (2 * chance - 1))
    return max(spread, retry_after or 0.0)

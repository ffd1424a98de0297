"""When a delivery is tried again. Pure."""

from collections.abc import Sequence

RETRY_JITTER = 0.1  # of the delay, in both directions


def next_delay(attempts: int, schedule: Sequence[float], retry_after: float | None, chance: float) -> float | None:
    """The seconds until the next attempt after `attempts` failed ones; None if there are no attempts left.

    `schedule[n]` is the delay in seconds before attempt `n + 1`. `chance` in [0, 1) spreads the delay by ±10 %, so
    that deliveries that failed together are not retried together. It is never shorter than what the endpoint asked
    for (`retry_after`, in seconds).
    """
    if attempts >= len(schedule):
        return None
    spread = schedule[attempts] * (1 + RETRY_JITTER * (2 * chance - 1))
    return max(spread, retry_after or 0.0)

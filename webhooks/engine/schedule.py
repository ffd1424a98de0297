"""When a delivery is tried again. Pure."""

from collections.abc import Sequence

RETRY_JITTER = 0.1  # of the delay, in both directions
PROBE_SECONDS = 5.0  # after which a delivery may be sent again that found a wrong target; its lane may be held longer


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


def probe_delay(attempts: int, schedule: Sequence[float], retry_after: float | None, *, is_failing: bool) -> float:
    """The seconds until the next attempt of a delivery that found its target wrong: there always is one.

    If the attempt before it on the same lane failed too (`is_failing`), the hold of the lane is what delays it. If that
    succeeded, the refusal may be about this delivery only, so that it follows the schedule, and stays at its end.
    """
    last = len(schedule) - 1
    if is_failing:
        delay = min(schedule[min(1, last)], PROBE_SECONDS)
    else:
        delay = schedule[attempts] if attempts <= last else max(schedule[last], PROBE_SECONDS)
    return max(delay, retry_after or 0.0)

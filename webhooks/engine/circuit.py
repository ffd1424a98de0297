"""The circuit breaker: when an endpoint that keeps failing is given a rest, and how long. Pure.

Closed below OPENS_AFTER failures in a row; then open for a while, in which nothing is sent; then half open: one
delivery probes, and its outcome closes the circuit or opens it for longer.
"""

from datetime import datetime
from typing import Literal

OPENS_AFTER = 10  # failures in a row
RESTS = (30.0, 60.0, 120.0, 300.0)  # seconds after the first, the second, … time that it opens

State = Literal["closed", "open", "half_open"]


def rest_after(failures: int) -> float | None:
    """The seconds to rest after so many failures in a row; None while the circuit stays closed."""
    if failures < OPENS_AFTER:
        return None
    return RESTS[min(failures - OPENS_AFTER, len(RESTS) - 1)]


def state(failures: int, held_until: datetime | None, now: datetime) -> State:
    if failures < OPENS_AFTER:
        return "closed"
    return "open" if held_until and held_until > now else "half_open"

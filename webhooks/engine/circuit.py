"""The circuit breaker: when an endpoint that keeps failing is sent nothing, and for how long. Pure.

Closed below FAILURES_TO_OPEN failures in a row; then open for OPEN_SECONDS, in which nothing is sent; then half open:
one delivery is sent as a probe, and its outcome closes the circuit or opens it for longer.
"""

from datetime import datetime
from typing import Literal

FAILURES_TO_OPEN = 10  # in a row
OPEN_SECONDS = (30.0, 60.0, 120.0, 300.0)  # when it opens for the first, the second, … time

CircuitState = Literal["closed", "open", "half_open"]


def open_seconds(failures: int) -> float | None:
    """How long the circuit opens after so many failures in a row; None while it stays closed."""
    if failures < FAILURES_TO_OPEN:
        return None
    return OPEN_SECONDS[min(failures - FAILURES_TO_OPEN, len(OPEN_SECONDS) - 1)]


def circuit_state(failures: int, held_until: datetime | None, now: datetime) -> CircuitState:
    if failures < FAILURES_TO_OPEN:
        return "closed"
    return "open" if held_until and held_until > now else "half_open"

"""The circuit breaker: when an endpoint that keeps failing is sent nothing, and for how long. Pure.

Closed below FAILURES_TO_OPEN failures in a row; then open for OPEN_SECONDS, in which nothing is sent; then half open:
one delivery is sent as a probe, and its outcome closes the circuit or opens it for longer.

A name that does not resolve rests its lane after the first failure: a lookup that fails takes a resolver thread for
seconds, and there are few of them.
"""

from datetime import datetime
from typing import Literal

FAILURES_TO_OPEN = 10  # in a row
OPEN_SECONDS = (30.0, 60.0, 120.0, 300.0)  # when it opens for the first, the second, … time

UNRESOLVED_SECONDS = (5.0, 10.0, 20.0, 30.0)  # after the first, the second, … failure

CircuitState = Literal["closed", "open", "half_open"]


def rest_seconds(failures: int, *, unresolved: bool = False) -> float:
    """For how long nothing is sent after so many failures in a row; 0 while the circuit stays closed.

    `unresolved`: whether the last one was that the endpoint's name does not resolve.
    """
    if failures >= FAILURES_TO_OPEN:
        return OPEN_SECONDS[min(failures - FAILURES_TO_OPEN, len(OPEN_SECONDS) - 1)]
    return UNRESOLVED_SECONDS[min(failures, len(UNRESOLVED_SECONDS)) - 1] if unresolved else 0.0


def circuit_state(failures: int, held_until: datetime | None, now: datetime) -> CircuitState:
    if failures < FAILURES_TO_OPEN:
        return "closed"
    return "open" if held_until and held_until > now else "half_open"

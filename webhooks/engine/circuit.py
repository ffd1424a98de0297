"""The circuit breaker: when a lane that keeps failing is held, and for how long. Pure.

Closed at first. After FAILURES_TO_OPEN failures in a row it opens: nothing is sent for OPEN_SECONDS. Then it is half
open: one delivery is sent as a probe. A success closes it; a failure opens it again, for longer.

How many failures open it depends on who is at fault (`integrations.core.errors`). A service may recover by itself, so
it takes ten. A wrong target does not, so it takes three: not one, because some providers refuse a valid token or a new
branch for a moment, and because a refusal that is about one asset (its file is locked, say) must not hold the others,
of which one succeeds in between.

A name that does not resolve rests its lane after the first failure: a lookup that fails takes a resolver thread for
seconds, and there are few of them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from integrations.core.errors import Fault

FAILURES_TO_OPEN: Mapping[Fault, int] = {"service": 10, "target": 3}  # in a row
# When it opens for the first, the second, … time in a row. Every probe of a wrong target is a request that its service
# refuses, so they become rarer.
OPEN_SECONDS: Mapping[Fault, tuple[float, ...]] = {
    "service": (30.0, 60.0, 120.0, 300.0),
    "target": (30.0, 60.0, 120.0, 300.0, 600.0, 1800.0),
}
UNRESOLVED_SECONDS = (5.0, 10.0, 20.0, 30.0)  # after the first, the second, … failure

REJECTIONS_TO_TELL = 5  # events that the service refuses in a row, after which their owner is told

CircuitState = Literal["closed", "open", "half_open"]


def opens(failures: int, openings: int, fault: Fault) -> bool:
    """Whether the circuit opens at a failure: the last of `failures` in a row, after it opened `openings` times."""
    return openings > 0 or failures >= FAILURES_TO_OPEN[fault]


def rest_seconds(failures: int, openings: int, fault: Fault, *, unresolved: bool = False) -> float:
    """For how long nothing is sent after a failure; 0 while the circuit stays closed.

    `failures` and `openings` count those in a row, with this one; `fault` is whose it is. `unresolved`: whether it was
    that the endpoint's name does not resolve.
    """
    if openings:
        seconds = OPEN_SECONDS[fault]
        return seconds[min(openings, len(seconds)) - 1]
    return UNRESOLVED_SECONDS[min(failures, len(UNRESOLVED_SECONDS)) - 1] if unresolved else 0.0


def circuit_state(openings: int, held_until: datetime | None, now: datetime) -> CircuitState:
    if not openings:
        return "closed"
    return "open" if held_until and held_until > now else "half_open"

"""How tests wait: for a condition, never for a time, and long enough for a machine four times as slow."""

import time
from collections.abc import Callable

WAIT_DEADLINE_SECONDS = 60.0  # costs nothing when all is well
LOOK_SECONDS = 0.02  # between two checks of a condition


def wait_until(condition: Callable[[], object], what: str, seconds: float = WAIT_DEADLINE_SECONDS) -> None:
    """Returns as soon as `condition` is true; fails, naming `what`, if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(LOOK_SECONDS)

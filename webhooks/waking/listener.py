"""Receives wake-ups in a thread of its own, for the `deliver` loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import structlog

# Between two attempts to receive wake-ups.
LISTEN_RETRY_SECONDS = 5.0
# Between two looks for what is due while no wake-up can be received.
POLL_PAUSE_SECONDS = 0.03
STOP_CHECK_SECONDS = 0.25

log = structlog.get_logger(__name__)


class Listener:
    """Receives what `hear()` yields: "" when it works, then one character for each wake-up.

    acts: what to do for a character; one without an action ends `wait`. A wake-up that arrives while no `wait` is
    under way ends the next one. Only for the process that created it.
    """

    def __init__(self, hear: Callable[[], Iterator[str]], acts: dict[str, Callable[[], object]]) -> None:
        self._hear = hear
        self._acts = acts
        self._due = threading.Event()
        self.is_receiving = False
        threading.Thread(target=self._run, name="listener", daemon=True).start()

    def wait(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Returns at a wake-up, when `should_stop()`, or after `seconds`; sooner if wake-ups cannot be received."""
        ends = time.monotonic() + seconds
        while not should_stop():
            left = min(ends - time.monotonic(), STOP_CHECK_SECONDS if self.is_receiving else POLL_PAUSE_SECONDS)
            if left <= 0 or self._due.wait(left) or not self.is_receiving:
                break
        self._due.clear()

    def _run(self) -> None:
        told = ""
        while True:
            try:
                for what in self._hear():
                    self.is_receiving, told = True, ""
                    # At "" too: earlier wake-ups may have been missed.
                    self._acts.get(what, self._due.set)()
            except Exception as error:  # noqa: BLE001 - then the loop looks often
                reason = str(error).strip()
                if reason != told:
                    log.warning("wake_ups_not_heard", error=reason)
                told = reason
            self.is_receiving = False
            self._due.set()
            time.sleep(LISTEN_RETRY_SECONDS)

"""Receives wake-ups in a thread of its own, for the `deliver` loop."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import structlog

# Between two attempts to receive wake-ups.
LISTEN_RETRY_SECONDS = 5.0
# Between two looks for what is due while no wake-up can be received.
POLL_PAUSE_SECONDS = 0.03
STOP_CHECK_SECONDS = 1.0
PIPE_READ_BYTES = 4096

log = structlog.get_logger(__name__)


class Listener:
    """Receives what `hear()` yields: "" when it works, then one character for each wake-up.

    acts: what to do for a character; one without an action ends `wait`. A wake-up that arrives while no `wait` is
    under way ends the next one. Only for the process that created it.
    """

    def __init__(self, hear: Callable[[], Iterator[str]], acts: dict[str, Callable[[], object]]) -> None:
        self._hear = hear
        self._acts = acts
        # A pipe, because a signal's handler may not set an event on which its thread waits: both lock it.
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._due = select.poll()
        self._due.register(self._read, select.POLLIN)
        self.is_receiving = False
        threading.Thread(target=self._run, name="listener", daemon=True).start()

    def wait(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Returns at a wake-up, when `should_stop()`, or after `seconds`; sooner if wake-ups cannot be received."""
        ends = time.monotonic() + seconds
        while not should_stop():
            left = min(ends - time.monotonic(), STOP_CHECK_SECONDS if self.is_receiving else POLL_PAUSE_SECONDS)
            if left <= 0 or self._due.poll(left * 1000) or not self.is_receiving:
                break
        with suppress(BlockingIOError):  # nothing woke it
            os.read(self._read, PIPE_READ_BYTES)

    def wake(self) -> None:
        """Ends `wait`, or the next one. Also for a signal's handler."""
        with suppress(BlockingIOError):  # it is full of wake-ups
            os.write(self._write, b".")

    def _run(self) -> None:
        told = ""
        while True:
            try:
                for what in self._hear():
                    self.is_receiving, told = True, ""
                    # At "" too: earlier wake-ups may have been missed.
                    self._acts.get(what, self.wake)()
            except Exception as error:  # noqa: BLE001 - then the loop looks often
                reason = str(error).strip()
                if reason != told:
                    log.warning("wake_ups_not_heard", error=reason)
                told = reason
            self.is_receiving = False
            self.wake()
            time.sleep(LISTEN_RETRY_SECONDS)

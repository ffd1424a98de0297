"""Runs a function in a child process, and again if the child dies: what kills a worker must not end the service."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

import structlog
from django.db import connections

RESTART_SECONDS = 1.0  # after which a child that died is replaced

log = structlog.get_logger(__name__)


class Stop:
    """Whether this child process is to stop: its parent was told to, or has ended without a word.

    `on_told` is called in the handler of the signal; it may take no lock. A parent that has ended is noticed only by
    asking.
    """

    def __init__(self) -> None:
        self.on_told: Callable[[], object] = lambda: None
        self._is_told = False
        self._parent = os.getppid()

    def __call__(self) -> bool:
        return self._is_told or os.getppid() != self._parent

    def tell(self, number: int, frame: FrameType | None) -> None:
        self._is_told = True
        self.on_told()


def keep_running(run: Callable[[Stop], None]) -> None:
    """Calls `run(should_stop)` in a child process until it returns. To be called before any thread is started.

    `should_stop()` is True in the child once this process was told to stop (SIGTERM, SIGINT) or has ended itself.
    """
    connections.close_all()
    stop = threading.Event()
    child = 0

    def tell(number: int, frame: FrameType | None) -> None:
        stop.set()
        if child:
            os.kill(child, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    while not stop.is_set():
        # Blocked meanwhile: a signal between the fork and the assignment would not be passed on.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        child = os.fork()
        if not child:
            _run_child(run)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
        child = 0
        if os.waitstatus_to_exitcode(status) == 0:
            return
        log.error("engine_process_died", status=os.waitstatus_to_exitcode(status))
        stop.wait(RESTART_SECONDS)


def _run_child(run: Callable[[Stop], None]) -> None:
    """Runs in the child, and ends it."""
    stop, status = Stop(), 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop.tell)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        run(stop)
        status = 0
    except BaseException:
        log.exception("engine_process_failed")
    finally:
        logging.shutdown()
        os._exit(status)

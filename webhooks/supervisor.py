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


def keep_running(run: Callable[[Callable[[], bool]], None]) -> None:
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


def _run_child(run: Callable[[Callable[[], bool]], None]) -> None:
    """Runs in the child, and ends it."""
    parent, stop, status = os.getppid(), threading.Event(), 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        run(lambda: stop.is_set() or os.getppid() != parent)
        status = 0
    except BaseException:
        log.exception("engine_process_failed")
    finally:
        logging.shutdown()
        os._exit(status)

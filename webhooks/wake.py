"""Tells the processes that deliver that something is due, without blocking a publisher and without a message for each
event.

How depends on the installation: Celery's workers with a broker; else the `deliver` loop, through PostgreSQL or a named
pipe. What is quick is done at once in the caller's thread. The rest is done by one thread in each process, which pauses
afterwards, for a moment in which further calls only set a flag: every call is followed by a wake-up, and a burst of
thousands of calls by a few. A wake-up that is lost delays what is due until the next sweep or look of the loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import structlog
from django.conf import settings
from django.db import Error, connection

from invenicum.per_process import PerProcess

from .waking import fifo, messages, notifications
from .waking.listener import Listener

# The pause after a wake-up, doubled each time that it was asked for another meanwhile.
WAKE_PAUSE_MIN_SECONDS, WAKE_PAUSE_MAX_SECONDS = 0.002, 0.02
WAKE_RETRY_SECONDS = 1.0  # after one that could not be sent
DELIVERIES, DUTIES = "d", "u"  # what a local wake-up is for

log = structlog.get_logger(__name__)


class LocalWay(Protocol):
    """How a `deliver` loop is woken."""

    def send(self, what: str) -> None:
        """Wakes the loops for `what`, one ASCII character. Takes less than a millisecond. Raises `django.db.Error`."""

    def hear(self) -> Iterator[str]:
        """Yields "" when it works, then wake-ups as they arrive. Raises if it cannot receive them."""


class Waker:
    """Wakes through `send`: in the caller's thread if that is quick and none was sent just before, else in its own.

    Only for the process that created it.
    """

    def __init__(self, send: Callable[[], None], *, is_quick: bool) -> None:
        self._send = send
        self._is_quick = is_quick
        self._quiet_from = 0.0
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        if self._is_quick and time.monotonic() >= self._quiet_from and not self._wanted.is_set():
            self._quiet_from = time.monotonic() + (WAKE_PAUSE_MIN_SECONDS if self._try() else WAKE_RETRY_SECONDS)
            return
        self._wanted.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        pause, seconds = threading.Event(), WAKE_PAUSE_MIN_SECONDS
        while True:
            self._wanted.wait()
            pause.wait(self._quiet_from - time.monotonic())
            self._wanted.clear()
            if self._try():
                pause.wait(seconds)
                is_burst = self._wanted.is_set()
                seconds = min(2 * seconds, WAKE_PAUSE_MAX_SECONDS) if is_burst else WAKE_PAUSE_MIN_SECONDS
            else:
                pause.wait(WAKE_RETRY_SECONDS)

    def _try(self) -> bool:
        try:
            self._send()
        except Exception as error:  # noqa: BLE001 - broker clients raise anything; the sweep finds what is due
            log.warning("wake_not_sent", error=type(error).__name__)
            if isinstance(error, Error):
                connection.close()
            return False
        return True


def _make_waker() -> Waker:
    if settings.CELERY_BROKER_URL:
        return Waker(messages.send, is_quick=False)
    return Waker(lambda: _local_way().send(DELIVERIES), is_quick=True)


_wakers = PerProcess(_make_waker)


def wake() -> None:
    """Tells the workers that something is due. To be called after the commit, from any thread; returns at once."""
    _wakers.get().wake()


def wake_duties() -> None:
    """Tells the `deliver` loop that a job or a replay is due; with a broker a worker looks every few seconds.

    To be called after the commit, for what a user has just done.
    """
    if not settings.CELERY_BROKER_URL:
        try:
            _local_way().send(DUTIES)
        except Error as error:
            log.warning("wake_not_sent", error=type(error).__name__)
            connection.close()


def listen(on_duties: Callable[[], object]) -> Listener:
    """Receives the wake-ups of a `deliver` loop, and calls `on_duties` for those of `wake_duties`."""
    return Listener(_local_way().hear, {DUTIES: on_duties})


def _local_way() -> LocalWay:
    return notifications if connection.vendor == "postgresql" else fifo

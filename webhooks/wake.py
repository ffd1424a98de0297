"""Tells the workers that something is due, without making anybody wait and without a message for every event.

One thread a process sends `deliver_due` at once, then rests for a moment in which further calls only leave a mark.
Every call is thus followed by a message, and a burst of thousands by a few. A message that cannot be sent is
dropped: the sweep finds what is due.
"""

import os
import threading

import structlog
from celery import current_app
from django.conf import settings

DELIVER_DUE = "webhooks.tasks.deliver_due"
REST = 0.02  # seconds
REST_OF_BROKEN = 1.0  # seconds after a message that could not be sent

log = structlog.get_logger(__name__)


class _Waker:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.wanted = threading.Event()
        threading.Thread(target=self._run, name="waker", daemon=True).start()

    def _run(self) -> None:
        rest = threading.Event()
        while True:
            self.wanted.wait()
            self.wanted.clear()
            seconds = REST
            try:
                current_app.send_task(DELIVER_DUE, retry=False, ignore_result=True)
            except Exception as error:  # noqa: BLE001 - whatever a broker's client raises, the sweep stands in
                log.warning("wake_not_sent", error=type(error).__name__)
                seconds = REST_OF_BROKEN
            rest.wait(seconds)


_waker: _Waker | None = None
_lock = threading.Lock()


def wake() -> None:
    """Call after the commit. Returns at once."""
    global _waker
    if not settings.CELERY_BROKER_URL:
        return  # the `deliver` loop watches the database
    with _lock:
        if _waker is None or _waker.pid != os.getpid():  # threads do not survive a fork
            _waker = _Waker()
    _waker.wanted.set()

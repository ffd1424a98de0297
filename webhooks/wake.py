"""Sends the Celery task that delivers what is due, without blocking a publisher and without a message for each event.

One thread in each process sends `deliver_due` at once, then pauses for a moment in which further calls only set a flag.
Every call is thus followed by a message, and a burst of thousands of calls by a few. With Redis, a message that no
worker has taken yet does for all processes. A message that cannot be sent is dropped: the sweep finds what is due.
"""

import threading

import structlog
from celery import current_app
from django.conf import settings
from django.core.cache import cache

from invenicum.per_process import PerProcess

DELIVER_DUE = "webhooks.tasks.deliver_due"
WAKE_INTERVAL_SECONDS = 0.02
WAKE_RETRY_SECONDS = 1.0  # after a message that could not be sent
# For which a message that no worker takes does for all processes. Then it may be lost, and another is sent.
WAKE_PENDING_SECONDS = 5
# After which a message is dropped: by RabbitMQ, and by a worker, whose clock may differ from the sender's.
WAKE_QUEUED_SECONDS, WAKE_EXPIRES_SECONDS = 5, 60
_PENDING = "deliver_due:pending"

log = structlog.get_logger(__name__)


class Waker:
    """Sends the messages from a thread of its own. Only for the process that created it."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        threading.Thread(target=self._run, name="waker", daemon=True).start()

    def wake(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wanted.wait()
            self._wanted.clear()
            seconds = WAKE_INTERVAL_SECONDS
            try:
                if not _is_pending():
                    current_app.send_task(
                        DELIVER_DUE,
                        retry=False,
                        ignore_result=True,
                        expires=WAKE_EXPIRES_SECONDS,
                        expiration=WAKE_QUEUED_SECONDS,
                    )
            except Exception as error:  # noqa: BLE001 - broker clients raise anything; the sweep finds what is due
                log.warning("wake_not_sent", error=type(error).__name__)
                seconds = WAKE_RETRY_SECONDS
            pause.wait(seconds)


_wakers = PerProcess(Waker)


def wake() -> None:
    """Tells the workers that something is due. To be called after the commit, from any thread; returns at once."""
    if settings.CELERY_BROKER_URL:  # without a broker the `deliver` loop watches the database
        _wakers.get().wake()


def arrived() -> None:
    """To be called by a worker before it looks for what is due: what is due later needs another message."""
    if settings.SHARED_CACHE:
        try:
            cache.delete(_PENDING)
        except Exception as error:  # noqa: BLE001 - then it expires
            log.warning("cache_failed", error=type(error).__name__)


def _is_pending() -> bool:
    """Whether a message is under way to a worker; False notes that one is from now on."""
    return settings.SHARED_CACHE and not cache.add(_PENDING, True, WAKE_PENDING_SECONDS)

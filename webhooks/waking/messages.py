"""Wakes Celery's workers by messages, or one that waits at Redis directly (`waiting_workers`)."""

from __future__ import annotations

import structlog
from celery import current_app
from django.conf import settings
from redis import RedisError

from . import waiting_workers

DELIVER_DUE = "webhooks.tasks.deliver_due"
# After which a message is dropped: by RabbitMQ, and by a worker, whose clock may differ from the sender's.
WAKE_QUEUED_SECONDS, WAKE_EXPIRES_SECONDS = 5, 60

log = structlog.get_logger(__name__)


def send() -> None:
    """Wakes a worker, unless a message is under way to one. Raises whatever a client of a broker raises."""
    if not settings.SHARED_CACHE or waiting_workers.wake_one_or_note_message():
        current_app.send_task(
            DELIVER_DUE,
            retry=False,
            ignore_result=True,
            expires=WAKE_EXPIRES_SECONDS,
            expiration=WAKE_QUEUED_SECONDS,
        )


def arrived() -> None:
    """To be called by a worker before it looks for what is due: what is due later needs another message."""
    if settings.SHARED_CACHE:
        try:
            waiting_workers.forget_message()
        except RedisError as error:  # then it expires
            log.warning("cache_failed", error=type(error).__name__)

"""The Celery tasks. They take no arguments: what is due is in the database.

`deliver_due` and `sweep` deliver, on Celery's default queue. The others are on the queue `jobs`, and only wake threads
(`duties`): a worker that serves both queues goes on delivering, whatever a duty waits for.
"""

import structlog
from celery import shared_task
from django.db import Error, close_old_connections

from . import (
    duties,
    shutdown,
    wake,
    worker_processes,  # noqa: F401 - it receives signals
)
from .engine.worker import drain

log = structlog.get_logger(__name__)

DRAIN_SLICE_SECONDS = 20.0  # after which a draining task makes room for others


@shared_task(name=wake.DELIVER_DUE)
def deliver_due() -> None:
    """Delivers until nothing is due. At the end of its time slice, or if its worker stops, it sends a new task."""
    wake.arrived()
    try:
        _drain()
    except Error as error:  # the sweep tries again
        log.warning("database_failed", error=str(error).strip())
        close_old_connections()


def _drain() -> None:
    drain(seconds=DRAIN_SLICE_SECONDS, should_stop=shutdown.is_stopping, hand_over=wake.wake)


@shared_task(name="webhooks.tasks.sweep")
def sweep() -> None:
    """Delivers what is due without a message, or whose message was lost."""
    deliver_due()


@shared_task(name="webhooks.tasks.run_jobs")
def run_jobs() -> None:
    """Does the other jobs: hooks at providers, token refreshes, revocations, notifications, replays."""
    duties.wake(*duties.FREQUENT)


@shared_task(name="webhooks.tasks.prune")
def prune() -> None:
    """Removes what is older than the retention time."""
    duties.wake("retention")

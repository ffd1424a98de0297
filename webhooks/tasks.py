"""The Celery tasks. They take no arguments: what is due is in the database.

`deliver_due` and `sweep` deliver, on Celery's default queue. The others are on the queue `jobs`, and only wake threads
(`duties`): a worker that serves both queues goes on delivering, whatever a duty waits for.
"""

import time

import structlog
from celery import shared_task
from django.db import Error, close_old_connections

from . import (
    duties,
    shutdown,
    waiting_tasks,
    wake,
    worker_processes,  # noqa: F401 - it receives signals
)
from .engine.worker import drain
from .waking import messages, waiting_workers

log = structlog.get_logger(__name__)

DRAIN_SLICE_SECONDS = 20.0  # after which a draining task makes room for others
# For which a task that has delivered everything waits for more, unless its process is needed for another task.
WAIT_FOR_MORE_SECONDS = 60.0


@shared_task(name=messages.DELIVER_DUE)
def deliver_due() -> None:
    """Delivers until nothing is due, and waits for more if it can be woken without a task.

    At the end of its time slice, or if its worker stops, it sends a new task.
    """
    messages.arrived()
    worker = waiting_workers.this_worker()
    ends = time.monotonic() + WAIT_FOR_MORE_SECONDS
    try:
        signs = (shutdown.sign(), waiting_tasks.sign())
        while _drain(worker) and worker and worker.wait(ends - time.monotonic(), _is_needed, signs):
            pass
    except Error as error:  # the sweep tries again
        log.warning("database_failed", error=str(error).strip())
        close_old_connections()


def _drain(worker: waiting_workers.WaitingWorker | None) -> bool:
    """Returns whether nothing is due any more."""
    if worker:
        worker.sign_up()
    result = drain(seconds=DRAIN_SLICE_SECONDS, should_stop=shutdown.is_stopping, hand_over=wake.wake)
    if result.more and worker and worker.sign_off():
        wake.wake()  # it may have been this worker that was told
    return not result.more


def _is_needed() -> bool:
    return shutdown.is_stopping() or waiting_tasks.take()


@shared_task(name="webhooks.tasks.sweep")
def sweep() -> None:
    """Delivers what is due without a message, or whose message was lost."""
    deliver_due()


@shared_task(name="webhooks.tasks.run_jobs")
def run_jobs() -> None:
    """Does the other jobs: hooks at providers, token refreshes, revocations, notifications, replays, backfills."""
    duties.wake_due()


@shared_task(name="webhooks.tasks.prune")
def prune() -> None:
    """Removes what is older than the retention time."""
    duties.wake("retention")

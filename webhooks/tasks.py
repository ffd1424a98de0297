"""The Celery tasks. They take no arguments: what is due is in the database."""

from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings
from django.db import Error
from django.utils import timezone

from integrations import provider_jobs
from oauth_flows import jobs

from . import (
    failure_alerts,
    replays,
    shutdown,
    wake,
    worker_processes,  # noqa: F401 - it receives signals
)
from .engine.worker import drain
from .retention import prune as prune_before

log = structlog.get_logger(__name__)

DRAIN_SLICE_SECONDS = 20.0  # after which a draining task makes room for others


@shared_task(name=wake.DELIVER_DUE)
def deliver_due() -> None:
    """Delivers until nothing is due. At the end of its time slice, or if its worker stops, it sends a new task."""
    drain(seconds=DRAIN_SLICE_SECONDS, should_stop=shutdown.is_stopping, hand_over=wake.wake)


@shared_task(name="webhooks.tasks.sweep")
def sweep() -> None:
    """Delivers what is due without a message, or whose message was lost."""
    deliver_due()


@shared_task(name="webhooks.tasks.run_jobs")
def run_jobs() -> None:
    """Does the other jobs: hooks at providers, token refreshes, revocations, notifications, replays."""
    for run in (provider_jobs.run_due_jobs, failure_alerts.watch, replays.run_due, jobs.run_due_jobs):
        try:
            run()
        except Error:
            raise
        except Exception:  # one that fails must not stop the others
            log.exception("duty_failed", duty=run.__module__)


@shared_task(name="webhooks.tasks.prune")
def prune() -> None:
    """Removes what is older than the retention time."""
    prune_before(timezone.now() - timedelta(days=settings.RETENTION_DAYS))

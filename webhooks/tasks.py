"""Celery's way into the engine. Tasks carry no arguments: what is due stands in the database."""

from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings
from django.db import Error
from django.utils import timezone

from integrations import provider_jobs
from oauth_flows import jobs

from . import failure_alerts, replays, shutdown, wake
from .engine.worker import drain
from .retention import prune as prune_before

log = structlog.get_logger(__name__)

TIME_SLICE = 20.0  # seconds after which a draining task makes room for others


@shared_task(name=wake.DELIVER_DUE)
def deliver_due() -> None:
    """Delivers until nothing is due, or hands over to a new task at the end of its time slice or of its worker."""
    drain(seconds=TIME_SLICE, should_stop=shutdown.is_stopping, hand_over=wake.wake)


@shared_task(name="webhooks.tasks.sweep")
def sweep() -> None:
    """Finds what a lost message, a dead worker or a retry left due."""
    deliver_due()


@shared_task(name="webhooks.tasks.run_jobs")
def run_jobs() -> None:
    """Does what is owed to providers and owners: hooks, tokens, revocations, letters, replays."""
    for duty in (provider_jobs.run_due_jobs, failure_alerts.watch, replays.run_due, jobs.run_due_jobs):
        try:
            duty()
        except Error:
            raise
        except Exception:  # none of them may keep the others from being done
            log.exception("duty_failed", duty=duty.__module__)


@shared_task(name="webhooks.tasks.prune")
def prune() -> None:
    """Removes what is older than the retention time."""
    prune_before(timezone.now() - timedelta(days=settings.RETENTION_DAYS))

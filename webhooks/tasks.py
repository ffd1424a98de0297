"""Celery's way into the engine. Tasks carry no arguments: what is due stands in the database."""

from celery import shared_task
from django.core.management import call_command

TIME_SLICE = 20.0  # seconds after which a draining task makes room for others


@shared_task(name="webhooks.tasks.deliver_due")
def deliver_due() -> None:
    """Delivers until nothing is due, or hands over to a new task at the end of its time slice."""
    from .engine import drain

    if drain(seconds=TIME_SLICE).more:
        deliver_due.apply_async()


@shared_task(name="webhooks.tasks.sweep")
def sweep() -> None:
    """Finds what a lost message, a dead worker or a retry left due, and the jobs owed to providers."""
    from integrations.remote import run_due_jobs

    run_due_jobs()
    deliver_due()


@shared_task(name="webhooks.tasks.prune")
def prune() -> None:
    """Removes what is older than the retention time."""
    call_command("prune")

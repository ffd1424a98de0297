"""Watching the service: what is done every minute, whichever process comes first.

The engine's processes do it with their duties. If none of them has taken a sample for ENGINE_WATCH_SECONDS, because the
engine stands still, a web process does.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from django.db import Error, close_old_connections
from django.db.models import Exists
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.dispatch import receiver
from django.utils import timezone

from invenicum.web.threads import Threads
from webhooks.signals import watch_conditions, watch_due

from . import alerts, samples

ENGINE_WATCH_SECONDS = 75.0  # for which a web process leaves it to the engine
WEB_LOOK_SECONDS = 15.0  # between two looks of a web process
WATCH_PATIENCE_SECONDS = 60.0

log = structlog.get_logger(__name__)


@receiver(watch_conditions)
def conditions(now: Now, **kwargs: Any) -> list[Combinable]:
    """It is time to watch if this minute has no sample."""
    return [~Exists(samples.newer_than(now - samples.MINUTE))]


@receiver(watch_due)
def watch(**kwargs: Any) -> None:
    """Takes the sample of this minute, unless there is one, and looks for what operators have to know."""
    try:
        sample = samples.take_due()
        if sample:
            alerts.evaluate(timezone.now(), sample)
    except Error as error:
        log.warning("database_failed", duty="watching", error=str(error).strip())


async def watch_for_engine() -> None:
    """In a web process, for as long as it runs: watches while no process of the engine does."""
    thread = Threads(1, waiting=0, patience=WATCH_PATIENCE_SECONDS, name="watching")
    while True:
        await asyncio.sleep(WEB_LOOK_SECONDS)
        await thread.run(_watch_if_engine_does_not)


def _watch_if_engine_does_not() -> None:
    close_old_connections()
    try:
        sample = samples.latest()
        if sample is None or timezone.now() - sample.at > timedelta(seconds=ENGINE_WATCH_SECONDS):
            watch()
    except Error as error:
        log.warning("database_failed", duty="watching", error=str(error).strip())
    except Exception:
        log.exception("duty_failed", duty="watching")
    finally:
        close_old_connections()

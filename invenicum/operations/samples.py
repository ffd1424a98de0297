"""Samples: one a minute of the engine's figures, from the sources of `/metrics`, kept for the overview and for alerts.

Minutes stay for eight hours, quarter-hours for fourteen days. Any process may take the sample of a minute: the engine's
do, and a web process if none has (`watching`), so that there are samples of an engine that stands still too.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Max, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from integrations.models import Integration
from invenicum.transactions import bounded
from webhooks.engine.heartbeat import workers
from webhooks.engine.metrics import read_counters, read_queue

from . import failure_causes
from .models import Sample

MINUTE = timedelta(minutes=1)
QUARTER_HOUR = timedelta(minutes=15)
MINUTES_KEPT = timedelta(hours=8)
QUARTER_HOURS_KEPT = timedelta(days=14)
# A worker beats every two seconds while it works, and at least once in a minute while it waits.
WORKER_SILENT_AFTER = timedelta(seconds=75)
HIGHEST = ("due", "later", "held", "waiting", "oldest_seconds", "circuits_open")


def take_due(now: datetime | None = None) -> Sample | None:
    """Takes the sample of this minute; None if there is one.

    Raises `django.db.Error`, e.g. if counting takes longer than the setting STATEMENT_TIMEOUT.
    """
    now = now or timezone.now()
    minute = now.replace(second=0, microsecond=0)
    if Sample.objects.filter(seconds=Sample.Period.MINUTE, at__gte=minute).exists():
        return None
    try:
        with bounded(durable=False):
            sample = _measure(now)
            sample.at = minute
            sample.save(force_insert=True)
    except IntegrityError:  # another process took it at the same time
        return None
    _keep_quarter_hour(sample)
    _forget(minute)
    with bounded(durable=False):
        failure_causes.count(now)
    return sample


def newer_than(moment: datetime | Combinable) -> QuerySet[Sample]:
    """The samples of minutes that began after `moment`; of the minute before, the one of the current minute."""
    return Sample.objects.filter(seconds=Sample.Period.MINUTE, at__gt=moment)


def latest() -> Sample | None:
    """The newest sample."""
    return Sample.objects.filter(seconds=Sample.Period.MINUTE).order_by("-at").first()


def since(moment: datetime, period: Sample.Period) -> list[Sample]:
    """The samples of a period since `moment`, oldest first, and the one before them, which differences begin at."""
    samples = Sample.objects.filter(seconds=period).order_by("-at")
    newer = list(samples.filter(at__gte=moment))
    return [*newer, *samples.filter(at__lt=moment)[:1]][::-1]


def _measure(now: datetime) -> Sample:
    counters, queue, seen = read_counters(), read_queue(now), workers()
    return Sample(
        seconds=Sample.Period.MINUTE,
        attempts=dict(counters.attempts),
        latency=counters.latency,
        latency_sum=counters.latency_sum,
        integrations=Integration.objects.live().filter(status=Integration.Status.ACTIVE).count(),
        workers_alive=sum(now - worker.last_drain < WORKER_SILENT_AFTER for worker in seen),
        workers_known=len(seen),
        **asdict(queue),
    )


def _keep_quarter_hour(sample: Sample) -> None:
    """Writes the quarter-hour that the minute is in: the newest counters, the highest of the other figures."""
    begins = sample.at - timedelta(minutes=sample.at.minute % 15)
    minutes = Sample.objects.filter(seconds=Sample.Period.MINUTE, at__gte=begins, at__lte=sample.at)
    figures = minutes.aggregate(**{name: Max(name) for name in HIGHEST})
    figures |= {
        name: getattr(sample, name)
        for name in ("attempts", "latency", "latency_sum", "integrations", "workers_alive", "workers_known")
    }
    with bounded(durable=False):
        Sample.objects.update_or_create(seconds=Sample.Period.QUARTER_HOUR, at=begins, defaults=figures)


def _forget(minute: datetime) -> None:
    for period, kept in ((Sample.Period.MINUTE, MINUTES_KEPT), (Sample.Period.QUARTER_HOUR, QUARTER_HOURS_KEPT)):
        Sample.objects.filter(seconds=period, at__lt=minute - kept).delete()

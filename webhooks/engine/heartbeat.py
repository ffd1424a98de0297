"""The engine's sign of life and what it has counted, for `/readyz` and `/metrics`."""

import os
import socket
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ..models import EngineHeartbeat
from .metrics import Counters, total

EVERY = 2.0  # seconds
FORGET = timedelta(days=1)
GONE = "gone"

_last = 0.0


counters = Counters()
_process = os.getpid()


def beat() -> None:
    """Notes that this process looked for work just now, and its counters; at most one write in two seconds."""
    global _last, _process, counters
    if _process != os.getpid():  # Celery forks its workers: what the parent counted is the parent's
        _process, counters = os.getpid(), Counters()
    if time.monotonic() - _last < EVERY:
        return
    _last = time.monotonic()
    now = timezone.now()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    EngineHeartbeat.objects.update_or_create(
        worker=worker, defaults={"last_drain_at": now, "counters": counters.as_json()}
    )
    _fold(now)


@transaction.atomic
def _fold(now: datetime) -> None:
    """Keeps the sums of workers that are long gone in one row, so that no counter ever goes back."""
    gone = EngineHeartbeat.objects.filter(last_drain_at__lt=now - FORGET).exclude(worker=GONE)
    rows = list(gone.select_for_update(skip_locked=True))
    if not rows:
        return
    sums, _ = EngineHeartbeat.objects.select_for_update().get_or_create(
        worker=GONE, defaults={"last_drain_at": rows[0].last_drain_at}
    )
    sums.counters = total([sums.counters, *(row.counters for row in rows)]).as_json()
    sums.save(update_fields=["counters"])
    EngineHeartbeat.objects.filter(pk__in=[row.pk for row in rows]).delete()


def last_drain() -> datetime | None:
    """When any worker last looked for work, or None where none ever did."""
    moment: datetime | None = EngineHeartbeat.objects.aggregate(latest=Max("last_drain_at"))["latest"]
    return moment

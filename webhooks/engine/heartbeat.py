"""Each worker's heartbeat with its counters, for `/readyz` and `/metrics`."""

import os
import socket
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ..models import EngineHeartbeat
from .metrics import Counters, total

HEARTBEAT_INTERVAL_SECONDS = 2.0
HEARTBEAT_RETENTION = timedelta(days=1)
GONE_WORKERS = "gone"  # the row with the sums of workers whose own rows have been removed


class Heartbeat:
    """The heartbeat and counters of one process, to be made in that process."""

    def __init__(self) -> None:
        self.counters = Counters()
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._written_at = float("-inf")

    def beat(self) -> None:
        """Writes that this process looked for work just now, and its counters; at most once in two seconds."""
        if time.monotonic() - self._written_at < HEARTBEAT_INTERVAL_SECONDS:
            return
        self._written_at = time.monotonic()
        now = timezone.now()
        EngineHeartbeat.objects.update_or_create(
            worker=self._worker, defaults={"last_drain_at": now, "counters": self.counters.as_json()}
        )
        _fold(now)


@transaction.atomic
def _fold(now: datetime) -> None:
    """Adds the counters of workers that are long gone to one row, so that no sum ever goes back."""
    gone = EngineHeartbeat.objects.filter(last_drain_at__lt=now - HEARTBEAT_RETENTION).exclude(worker=GONE_WORKERS)
    rows = list(gone.select_for_update(skip_locked=True))
    if not rows:
        return
    sums, _ = EngineHeartbeat.objects.select_for_update().get_or_create(
        worker=GONE_WORKERS, defaults={"last_drain_at": rows[0].last_drain_at}
    )
    sums.counters = total([sums.counters, *(row.counters for row in rows)]).as_json()
    sums.save(update_fields=["counters"])
    EngineHeartbeat.objects.filter(pk__in=[row.pk for row in rows]).delete()


def last_drain() -> datetime | None:
    """When any worker last looked for work; None if none ever did."""
    moment: datetime | None = EngineHeartbeat.objects.aggregate(latest=Max("last_drain_at"))["latest"]
    return moment

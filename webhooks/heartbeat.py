"""The engine's sign of life, for `/readyz`."""

import os
import socket
import time
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from .models import EngineHeartbeat

EVERY = 2.0  # seconds
FORGET = timedelta(days=1)

_last = 0.0


def beat() -> None:
    """Notes that this process looked for work just now; at most one write in two seconds."""
    global _last
    if time.monotonic() - _last < EVERY:
        return
    _last = time.monotonic()
    now = timezone.now()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    EngineHeartbeat.objects.update_or_create(worker=worker, defaults={"last_drain_at": now})
    EngineHeartbeat.objects.filter(last_drain_at__lt=now - FORGET).delete()


def last_drain() -> datetime | None:
    """When any worker last looked for work, or None where none ever did."""
    moment: datetime | None = EngineHeartbeat.objects.aggregate(latest=Max("last_drain_at"))["latest"]
    return moment

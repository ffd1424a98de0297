"""What the rules of alerts are applied to, measured from the newest samples and the tables."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from invenicum.events.models import Event
from oauth_flows.clients import expiring_secrets
from oauth_flows.refusals import shares_of_refused_grants
from webhooks.engine.heartbeat import last_drain

from . import samples
from .alert_rules import Snapshot
from .models import Sample

LITTLE_ROOM_BYTES = 10 * 2**30  # a large disk that is nearly full has room for long
RATE_PERIOD = timedelta(minutes=15)


def take(now: datetime, sample: Sample) -> Snapshot:
    """The service as it is. sample: the newest one, just taken."""
    attempts, failed = _attempts(samples.since(now - RATE_PERIOD, Sample.Period.MINUTE))
    return Snapshot(
        now,
        engine_silent_seconds=_silence(now),
        oldest_seconds=sample.oldest_seconds,
        attempts=attempts,
        failed=failed,
        circuits_open=sample.circuits_open,
        integrations=sample.integrations,
        connections={share.type: (share.grants, share.refused) for share in shares_of_refused_grants(now)},
        expiring=expiring_secrets(),
        retention_behind=_retention_behind(now),
        disk_used_share=_disk_used_share(),
    )


def _silence(now: datetime) -> float:
    """Seconds since a worker looked for work; if none ever did, since the service was watched first."""
    minutes = Sample.objects.filter(seconds=Sample.Period.MINUTE)
    seen = last_drain() or minutes.order_by("at").values_list("at", flat=True).first()
    return (now - seen).total_seconds() if seen else 0.0


def _attempts(minutes: Sequence[Sample]) -> tuple[int, int]:
    """How many there were between the first and the last sample, and how many of them failed."""
    if not minutes:
        return 0, 0
    first, last = (_counts(sample.attempts) for sample in (minutes[0], minutes[-1]))
    return last[0] - first[0], last[1] - first[1]


def _counts(attempts: Mapping[str, int]) -> tuple[int, int]:
    """All and failed attempts, of counters by `outcome|error class|fault`; without those whose target is wrong."""
    counted = {key: count for key, count in attempts.items() if not key.endswith("|target")}
    return sum(counted.values()), sum(count for key, count in counted.items() if not key.startswith("delivered|"))


def _retention_behind(now: datetime) -> timedelta:
    oldest = Event.objects.order_by("id").values_list("created_at", flat=True).first()  # ids sort by time
    due = now - timedelta(days=settings.RETENTION_DAYS)
    return max(due - oldest, timedelta(0)) if oldest else timedelta(0)


def _disk_used_share() -> float | None:
    """Of the room for the database: of DATABASE_MAX_BYTES, or with SQLite of the disk if little is left."""
    if connection.vendor != "postgresql":
        disk = shutil.disk_usage(settings.DATA_DIR)
        return disk.used / (disk.used + disk.free) if disk.free < LITTLE_ROOM_BYTES else None
    if not settings.DATABASE_MAX_BYTES:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return float(cursor.fetchone()[0]) / settings.DATABASE_MAX_BYTES

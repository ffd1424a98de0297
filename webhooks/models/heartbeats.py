"""The engine's workers."""

from __future__ import annotations

from django.db import models


class EngineHeartbeat(models.Model):
    """A worker of the engine: what it did when, for health checks, and which process it is, to notice that it died."""

    worker = models.CharField(max_length=255, primary_key=True)
    last_drain_at = models.DateTimeField(db_index=True)  # it looked for due deliveries
    last_outcome_at = models.DateTimeField(null=True)  # it wrote the outcomes of deliveries
    # Its mark on the lanes that it leases; null once it has ended and its lanes are released.
    mark = models.BigIntegerField(null=True)
    # Its process: the machine and its boot, the id there, and when it started (an id is used again).
    machine = models.CharField(max_length=120, blank=True, default="")
    process_id = models.PositiveIntegerField(null=True)
    process_started = models.BigIntegerField(null=True)
    # Its counters since it started; see `webhooks.engine.metrics`.
    counters = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.worker

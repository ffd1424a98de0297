"""How many attempts ended in an hour, and how long they took."""

from __future__ import annotations

from django.db import models

from integrations.models import Integration


class HourlySum(models.Model):
    """The attempts of one integration that ended in one hour: those that failed, and the others by how long they took.

    The engine adds to it (`webhooks.engine.hourly_counts`); `webhooks.hourly_sums` reads it. Its columns are those of
    `engine.values.SUM_COLUMNS`.
    """

    pk = models.CompositePrimaryKey("integration", "hour")
    # Without a constraint in the database: a check would wait for whatever locks the integration.
    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="hourly_sums", db_constraint=False, db_index=False
    )
    hour = models.DateTimeField(db_index=True)
    failed = models.PositiveIntegerField(default=0)
    within_10_ms = models.PositiveIntegerField(default=0)
    within_20_ms = models.PositiveIntegerField(default=0)
    within_50_ms = models.PositiveIntegerField(default=0)
    within_100_ms = models.PositiveIntegerField(default=0)
    within_200_ms = models.PositiveIntegerField(default=0)
    within_500_ms = models.PositiveIntegerField(default=0)
    within_1000_ms = models.PositiveIntegerField(default=0)
    within_2000_ms = models.PositiveIntegerField(default=0)
    within_5000_ms = models.PositiveIntegerField(default=0)
    within_10000_ms = models.PositiveIntegerField(default=0)
    within_30000_ms = models.PositiveIntegerField(default=0)
    slower = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.integration_id} {self.hour:%Y-%m-%d %H}"

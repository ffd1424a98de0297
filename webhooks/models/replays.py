"""What is sent again or afterwards."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, QuerySet

from integrations.models import Integration
from invenicum.ids import public_id, uuid7

from .deliveries import Delivery


class ReplayQuerySet(QuerySet["Replay"]):
    def with_progress(self) -> ReplayQuerySet:
        """With the number of their queued deliveries of each status, as attributes named like the statuses."""
        counts = {status: Count("deliveries", filter=Q(deliveries__status=status)) for status in Delivery.Status.values}
        return self.select_related("integration").defer("integration__secrets").annotate(**counts)


class Replay(models.Model):
    """A time range of one integration's deliveries that is sent again, or a backfill: deliveries made afterwards."""

    class What(models.TextChoices):
        AGAIN = "again", "deliveries that were made before"
        MISSED = "missed", "events that have no delivery to the integration"
        EXISTING = "existing", "snapshots of the assets that there are"

    class State(models.TextChoices):
        QUEUEING = "queueing"
        QUEUED = "queued"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="replays")
    what = models.CharField(max_length=8, choices=What, default=What.AGAIN)
    since = models.DateTimeField()
    until = models.DateTimeField()
    statuses = models.JSONField(default=list)
    # The filters of the delivery log that select its deliveries, instead of range and statuses: see `retries.py`.
    filters = models.JSONField(default=dict)
    total = models.PositiveIntegerField()
    # False if counting was given up: then there are more than `total`.
    total_is_exact = models.BooleanField(default=True)
    queued = models.PositiveIntegerField(default=0)
    # The last delivery that was queued, event that was looked at, or asset: the next batch begins after it.
    last_id = models.UUIDField()
    # Of a backfill: how many deliveries may wait on the lane at once, and when it is looked at again; null if it ended.
    pace = models.PositiveSmallIntegerField(default=1)
    next_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True, db_index=True)
    cancelled_at = models.DateTimeField(null=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="replay_next")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return public_id("rpl", self.id)

    @property
    def state(self) -> Replay.State:
        """Whether its deliveries are still being queued, are all queued, or were cancelled."""
        if self.cancelled_at:
            return Replay.State.CANCELLED
        return Replay.State.QUEUED if self.finished_at else Replay.State.QUEUEING

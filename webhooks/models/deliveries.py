"""Events on their way to integrations, and each try."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber

from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.ids import public_id, uuid7

# The API's code for a delivery that was given up.
DELIVERY_FAILED = "WEBHOOK_DELIVERY_FAILED"


class DeliveryQuerySet(QuerySet["Delivery"]):
    def failing(self) -> DeliveryQuerySet:
        """Those whose last attempt failed, given up or not, unless they were cancelled."""
        return self.filter(~Q(error_class=""), status__in=(Delivery.Status.PENDING, Delivery.Status.FAILED))


class Delivery(models.Model):
    """One event on its way to one integration."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="deliveries", db_index=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="deliveries", db_index=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    # While pending: the time of the next attempt. Null if it waits for its integration to be active again.
    due_at = models.DateTimeField(null=True)
    # Attempts since it was queued, by its event or by hand, that count in the retry schedule.
    attempt_count = models.PositiveSmallIntegerField(default=0)
    # The other ones: they found the target wrong, as the attempt before them on the same lane had.
    held_attempt_count = models.PositiveIntegerField(db_default=0, default=0)
    # How often in a row a worker died while it worked on it; see `webhooks.engine.crashes`.
    crash_count = models.PositiveSmallIntegerField(db_default=0)
    # On an ordered integration, the id of the asset: it waits for earlier pending deliveries with the same key.
    order_key = models.CharField(max_length=100, blank=True, default="")
    # Its event's: orders the deliveries with the same key.
    sequence = models.BigIntegerField(editable=False)
    # Whether a backfill made it: later than its event, or for a snapshot.
    backfilled = models.BooleanField(db_default=False, default=False)
    # The last replay that queued it again, or the backfill that made it.
    replay = models.ForeignKey("Replay", models.SET_NULL, null=True, related_name="deliveries", db_index=False)
    # What went wrong at the last attempt; its class, for the console; the HTTP status, if there was a response.
    error = models.CharField(max_length=500, blank=True, default="")
    error_class = models.CharField(max_length=10, blank=True, db_default="", default="")
    status_code = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["integration", "due_at"],
                condition=Q(status="pending", due_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(
                fields=["integration", "order_key", "sequence"],
                condition=Q(status="pending") & ~Q(order_key=""),
                name="delivery_order",
            ),
            models.Index(fields=["replay"], condition=Q(replay__isnull=False), name="delivery_replay"),
            models.Index(fields=["integration", "status", "id"], name="delivery_integration_log"),
            models.Index(fields=["owner", "id"], name="delivery_owner_log"),
            # Only of what failed: a delivery that succeeds at once never enters it.
            models.Index(
                fields=["id"],
                condition=Q(status__in=("pending", "failed")) & ~Q(error_class=""),
                name="delivery_failing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.status})"

    @property
    def public_id(self) -> str:
        return public_id("dlv", self.id)

    @property
    def error_code(self) -> str | None:
        """The API's error code; None unless it was given up."""
        return DELIVERY_FAILED if self.status == Delivery.Status.FAILED else None

    @property
    def attempts_made(self) -> int:
        """How often it has been tried since it was queued."""
        return self.attempt_count + self.held_attempt_count

    @property
    def message(self) -> str:
        """A sentence for its owner: what went wrong at the last attempt, or why there has been none. May be empty."""
        is_held = self.integration.problem_fault == Integration.Fault.TARGET
        return self.error or (self.integration.problem if is_held and self.status == Delivery.Status.PENDING else "")

    def numbered_attempts(self) -> QuerySet[Attempt]:
        """Its attempts in order, each with its `number`, from 1."""
        return self.attempts.annotate(number=Window(RowNumber(), order_by="id"))


class Attempt(models.Model):
    """One try of a delivery."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    # The last HTTP status received; null if there was no response.
    status_code = models.PositiveSmallIntegerField(null=True)
    error_class = models.CharField(max_length=10, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    response_excerpt = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"attempt {self.pk}"

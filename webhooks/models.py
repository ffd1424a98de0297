from __future__ import annotations

from datetime import datetime
from typing import get_args

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.ids import public_id, uuid7

from .engine.circuit import REJECTIONS_TO_TELL, CircuitState, circuit_state

# The API's code for a delivery that was given up.
DELIVERY_FAILED = "WEBHOOK_DELIVERY_FAILED"


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
    replay = models.ForeignKey(Replay, models.SET_NULL, null=True, related_name="deliveries", db_index=False)
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


class LaneQuerySet(models.QuerySet["Lane"]):
    def failing(self) -> LaneQuerySet:
        """Those whose last attempt failed."""
        return self.filter(failures__gt=0)

    def with_open_circuit(self) -> LaneQuerySet:
        """Those with so many failures in a row that the circuit breaker has opened; half open ones included."""
        return self.filter(openings__gt=0)

    def with_rejections(self) -> LaneQuerySet:
        """Those that refused so many events in a row that their owner is told."""
        return self.filter(rejections__gte=REJECTIONS_TO_TELL)

    def close(self) -> int:
        """Closes their circuits: they are tried at once. Returns how many."""
        return self.update(failures=0, openings=0, held_until=None)

    def held(self, now: datetime) -> LaneQuerySet:
        """Those on which nothing is sent at `now`: by the circuit breaker or a Retry-After, not by a rate limit."""
        return self.filter(held_until__gt=now)


class Lane(models.Model):
    """An integration's queue, and what a worker leases: it then sends all that is due on it.

    One small row is written for a batch instead of one for every delivery, and workers need not agree about limits,
    order and the circuit breaker of an integration. Made with the integration.
    """

    CIRCUIT_STATES: tuple[str, ...] = get_args(CircuitState)

    integration = models.OneToOneField(Integration, models.CASCADE, primary_key=True, related_name="lane")
    # The mark of the worker that leases it, and the end of the lease. Workers renew it; a dead worker's lease expires.
    worker = models.BigIntegerField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True)
    # The circuit breaker: failures since the last success, how often it has opened, and until when nothing is sent.
    failures = models.PositiveIntegerField(default=0)
    openings = models.PositiveIntegerField(db_default=0, default=0)
    held_until = models.DateTimeField(null=True)
    # Events that the service refused since the last success, and whether the owner was told.
    rejections = models.PositiveIntegerField(db_default=0, default=0)
    rejections_notified = models.BooleanField(db_default=False, default=False)
    # Whether an operator holds all integrations of its type: see `webhooks.holds`.
    on_hold = models.BooleanField(db_default=False, default=False)
    # When its owner was last told that it fails or that it refuses events.
    alerted_at = models.DateTimeField(null=True)
    # When its rate limit allows the next delivery, by the database's clock. It may have passed.
    next_at = models.DateTimeField(null=True)
    # The last notification that its owner got about the failures since `Integration.failing_since`.
    notices = models.PositiveSmallIntegerField(default=0)

    objects = LaneQuerySet.as_manager()

    def __str__(self) -> str:
        return f"lane {self.integration_id}"

    @property
    def has_open_circuit(self) -> bool:
        """Whether the circuit breaker has opened; True also while it is half open."""
        return self.openings > 0

    def circuit_state(self, now: datetime) -> CircuitState:
        """`closed`, `open` or `half_open`: see `webhooks.engine.circuit`."""
        return circuit_state(self.openings, self.held_until, now)


class TypeHold(models.Model):
    """A type whose deliveries an operator holds, e.g. while its service is down."""

    type = models.CharField(max_length=40, primary_key=True)
    since = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return self.type


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


class InboundEvent(models.Model):
    """An event that a provider sent to `/webhooks/<type>`. Stored once, however often the provider sends it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="inbound_events", db_index=False)
    type = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    provider_delivery_id = models.CharField(max_length=200)
    payload = models.JSONField()
    received_at = models.DateTimeField()
    # The event that it was published as; null if the integration was paused.
    event = models.ForeignKey(Event, models.SET_NULL, null=True, related_name="inbound_events")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["integration", "provider_delivery_id"], name="one_inbound_event_a_delivery")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.public_id}"

    @property
    def public_id(self) -> str:
        return public_id("inb", self.id)


class InboundKey(models.Model):
    """The provider's id of what an integration is connected to, for requests whose address has no integration id."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="inbound_keys")
    type = models.CharField(max_length=40)
    key = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["type", "key", "integration"], name="one_inbound_key")]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


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

"""The queues of integrations, and what an operator holds."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from django.conf import settings
from django.db import models

from integrations.models import Integration

from ..engine.circuit import REJECTIONS_TO_TELL, CircuitState, circuit_state


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

"""Claiming: leasing lanes, reading the deliveries that are due on them, and keeping the leases."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.db.models.functions import Now

from integrations.models import Integration
from invenicum.transactions import bounded

from ..models import Delivery, Lane
from .database import statements
from .values import LANE_LEASE, NO_LANE, Claim, ClaimRequest, DeliveryId, IntegrationId, version_of

Row = TypeVar("Row", bound=Model)


def new_worker_mark() -> int:
    """The number by which a lane's row says which worker leases it."""
    return secrets.randbits(62)


def claim_due(request: ClaimRequest) -> Claim:
    """Leases free lanes on which something is due, and reads what is due on them and on the worker's own.

    A caller that continues each time at the `after` of the claim before serves all lanes in turn.
    """
    lanes, deliveries, stopped_at = statements().lease_and_read(request)
    # If as many were free as were asked for, there may be more after the last of them.
    after = max(lanes) if len(lanes) == request.lanes else stopped_at or NO_LANE
    return Claim(lanes, deliveries, after)


def renew(worker: int, lanes: Collection[IntegrationId]) -> list[IntegrationId]:
    """Renews the leases of lanes on which the worker still has work. Returns those that it has lost to others.

    A lane that another connection has locked is left to the next renewal.
    """
    mine = Lane.objects.filter(pk__in=[*map(UUID, lanes)], worker=worker)
    with bounded(durable=False):
        if _unlocked(mine).update(leased_until=Now() + LANE_LEASE) == len(lanes):
            return []
    kept = {str(lane) for lane in mine.values_list("pk", flat=True)}
    return [lane for lane in lanes if lane not in kept]


def changed(versions: Mapping[IntegrationId, int]) -> list[IntegrationId]:
    """The integrations that are no longer as they were at that version: paused, deleted or reconfigured."""
    rows = Integration.objects.filter(id__in=versions).values_list("id", "updated_at", "status", "deleted_at")
    return [
        str(integration_id)
        for integration_id, updated_at, status, deleted_at in rows
        if version_of(updated_at) != versions[str(integration_id)] or status != Integration.Status.ACTIVE or deleted_at
    ]


def release(worker: int, lanes: Collection[IntegrationId]) -> None:
    """Ends the leases of lanes, for any worker to take at once."""
    with bounded(durable=False):
        statements().release(worker, lanes)


def suspend(deliveries: Collection[DeliveryId]) -> None:
    """Makes deliveries wait until their integration, which was not active when they were claimed, is active again.

    Those whose integration has been resumed since stay due. Its row is locked meanwhile, so that a resumption is
    committed either before, and seen here, or after, and then makes them due again.
    """
    with bounded():
        owners = Delivery.objects.filter(pk__in=deliveries).values("integration_id")
        inactive = Integration.objects.filter(pk__in=owners).exclude(status=Integration.Status.ACTIVE).order_by("pk")
        waiting = list(_unlocked(inactive).values_list("pk", flat=True))
        pending = Delivery.objects.filter(pk__in=deliveries, status=Delivery.Status.PENDING)
        _unlocked(pending.filter(integration_id__in=waiting)).update(due_at=None)


def postpone(deliveries: Collection[DeliveryId], due_at: datetime, reason: str = "") -> None:
    """Postpones deliveries that could not be tried; those that were suspended in the meantime stay suspended.

    `reason` is a sentence for their owner.
    """
    pending = Delivery.objects.filter(id__in=deliveries, status=Delivery.Status.PENDING, due_at__isnull=False)
    with bounded():
        _unlocked(pending).update(due_at=due_at, **({"error": reason} if reason else {}))


def _unlocked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """The rows of a query that no other connection has locked; they are locked until the transaction ends."""
    free = rows.order_by().select_for_update(skip_locked=True, no_key=True).values("pk")
    return rows.model._default_manager.filter(pk__in=free)

"""What users and operators do with deliveries. Each call is one transaction; the engine does the sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Count, Exists, Min, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from integrations.lookups import IntegrationNotFound, find
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.names import PING
from invenicum.events.publish import publish

from . import wake
from .models import Delivery, Lane
from .outbox import new_delivery

OVERTAKEN = (
    "A later event about the same asset was sent there, or is about to be: this one would bring an earlier state back."
)


ONE_ONLY = "It was made for another integration only."


class CannotSend(Exception):
    """The integration is not sent this event. The message is a sentence for its owner."""


@dataclass(frozen=True, slots=True)
class Health:
    """The health of the deliveries to one integration.

    `circuit` is `closed`, `open` or `half_open`; `failures` counts those in a row. Until `held_until` nothing is sent.
    Of the `pending` deliveries, `waiting` ones wait until the integration is active again. A time is None if it does
    not apply: nothing is held, nothing fails, nothing is pending.
    """

    circuit: str
    failures: int
    held_until: datetime | None
    failing_since: datetime | None
    pending: int
    waiting: int
    oldest_pending: datetime | None


def health(owner: User, integration_type: str) -> Health:
    """The health of the deliveries to the owner's integration of a type, as `slack`. Raises IntegrationNotFound."""
    integration = find(owner, integration_type)
    lane, now = integration.lane, timezone.now()
    pending = Delivery.objects.filter(integration=integration, status=Delivery.Status.PENDING).aggregate(
        count=Count("pk"), waiting=Count("pk", filter=Q(due_at=None)), oldest=Min("created_at")
    )
    return Health(
        circuit=lane.circuit_state(now),
        failures=lane.failures,
        held_until=lane.held_until if lane.held_until and lane.held_until > now else None,
        failing_since=integration.failing_since,
        pending=pending["count"],
        waiting=pending["waiting"],
        oldest_pending=pending["oldest"],
    )


@transaction.atomic
def ping(owner: User, integration_type: str) -> Delivery:
    """Publishes a `ping` event for one integration only, and returns its pending delivery.

    It is sent at once even if the circuit breaker or a Retry-After holds the integration back; to a paused integration
    it is sent when that is resumed. Raises IntegrationNotFound.
    """
    integration = find(owner, integration_type)
    event = publish(owner, PING, {"type": integration_type, "message": "This is a test event from Invenicum."})
    delivery = new_delivery(event, integration.id, waits=not integration.is_active)
    delivery.save(force_insert=True)
    Lane.objects.filter(pk=integration.pk).update(held_until=None)
    transaction.on_commit(wake.wake)
    return delivery


def retry(delivery: Delivery) -> None:
    """Queues a delivery again, whatever its status. Raises IntegrationNotFound if its integration has been deleted."""
    if delivery.integration.deleted_at:
        raise IntegrationNotFound(delivery.integration.type)
    requeue(Delivery.objects.filter(pk=delivery.pk))


def try_next(owner: User, integration_type: str) -> Delivery | None:
    """Makes the delivery that waits longest due now, as `retry` does, and returns it; None if none waits for a try.

    What holds its integration back ends: if the delivery succeeds, the others follow. Raises IntegrationNotFound.
    """
    pending = Delivery.objects.filter(
        integration=find(owner, integration_type), status=Delivery.Status.PENDING, due_at__isnull=False
    )
    delivery = pending.select_related("integration").defer("integration__secrets").order_by("id").first()
    if delivery:
        retry(delivery)
    return delivery


@transaction.atomic
def send_event(event: Event, integration: Integration) -> Delivery:
    """Sends an event to an integration of the same owner now: again, or although it was not meant for it.

    With a delivery of the event to the integration that one is queued again, else there is a new one. To one that is
    not active it is sent once that is. Raises CannotSend, or IntegrationNotFound if the integration has been deleted.
    """
    live = Integration.objects.live().select_for_update(no_key=True).without_secrets()  # of two at once, one waits
    found = live.filter(pk=integration.pk, owner=event.owner_id).first()
    if found is None:
        raise IntegrationNotFound(integration.type)
    delivery = Delivery.objects.filter(event=event, integration=found).order_by("-id").first()
    if delivery is None and (event.name == PING or event.position is None):
        raise CannotSend(ONE_ONLY)
    if _is_overtaken(event, found):
        raise CannotSend(OVERTAKEN)
    if delivery is not None:
        requeue(Delivery.objects.filter(pk=delivery.pk))
        return delivery
    delivery = new_delivery(event, found.pk, waits=not found.is_active)
    delivery.order_key = event.subject if found.ordered else ""
    delivery.backfilled = True
    delivery.save(force_insert=True)
    Lane.objects.filter(pk=found.pk).update(held_until=None)
    transaction.on_commit(wake.wake)
    return delivery


def _is_overtaken(event: Event, integration: Integration) -> bool:
    """Whether an integration that keeps the order has got a later event about the same asset, or is about to."""
    if not integration.ordered or not event.subject:
        return False
    later = Event.objects.filter(owner=event.owner_id, subject=event.subject, sequence__gt=event.sequence)
    sent = Delivery.objects.filter(
        event=OuterRef("pk"),
        integration=integration.pk,
        status__in=(Delivery.Status.DELIVERED, Delivery.Status.PENDING),
    )
    return later.filter(Exists(sent)).exists()


@transaction.atomic
def requeue(deliveries: QuerySet[Delivery]) -> int:
    """Makes deliveries due now, at the beginning of their retry schedule, and returns how many.

    Those of a deleted integration are left out; those of one that is not active wait for it. Their integrations are no
    longer held back by the circuit breaker or a Retry-After.
    """
    now = timezone.now()
    chosen = deliveries.filter(integration__deleted_at=None)
    is_active = Exists(Integration.objects.filter(pk=OuterRef("integration_id"), status=Integration.Status.ACTIVE))
    count = Delivery.objects.filter(pk__in=chosen.values("pk")).update(
        status=Delivery.Status.PENDING,
        due_at=Case(When(is_active, then=Value(now)), default=None),
        attempt_count=0,
        held_attempt_count=0,
        crash_count=0,
        finished_at=None,
    )
    Lane.objects.filter(held_until__isnull=False, integration__deliveries__in=chosen).update(held_until=None)
    transaction.on_commit(wake.wake)
    return count

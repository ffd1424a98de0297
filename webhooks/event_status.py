"""What became of one event at each of its owner's integrations, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from integrations.history import as_of
from integrations.models import Integration, IntegrationChange
from invenicum.events.models import Event
from invenicum.events.names import PING, matches

from .models import Delivery, Lane

Status = Integration.Status


@dataclass(frozen=True, slots=True)
class Fate:
    """One integration's part. `outcome` is a delivery's status or `not_sent`; `reason` a sentence, where one is due."""

    integration: Integration
    outcome: str
    reason: str
    delivery: Delivery | None = None
    waits_until: datetime | None = None


def fates(event: Event) -> list[Fate]:
    """In the order of the types; integrations that were deleted since included, where the event reached them."""
    deliveries = {
        delivery.integration_id: delivery
        for delivery in event.deliveries.select_related("integration__lane").defer("integration__secrets")
    }
    others = Integration.objects.live().without_secrets().filter(owner=event.owner_id).exclude(pk__in=deliveries)
    found = [_of_delivery(delivery) for delivery in deliveries.values()]
    found += [Fate(integration, "not_sent", _why_not(event, integration)) for integration in others]
    return sorted(found, key=lambda fate: (fate.integration.type, fate.integration.id))


def _of_delivery(delivery: Delivery) -> Fate:
    integration = delivery.integration
    if delivery.status != Delivery.Status.PENDING:
        return Fate(integration, delivery.status, delivery.error, delivery)
    if delivery.due_at is None:
        waiting: dict[str, str] = {
            Status.PAUSED: "It waits until the integration is resumed.",
            Status.DISABLED: "It waits until the integration, disabled after failures, is resumed.",
            Status.NEEDS_RECONNECT: "It waits until the integration is connected again.",
        }
        return Fate(integration, delivery.status, waiting.get(integration.status, "It waits."), delivery)
    until = delivery.due_at
    reason = delivery.error or (
        "It waits for an earlier event about the same asset." if _waits_for_another(delivery) else "It is on its way."
    )
    held_until = integration.lane.held_until
    if held_until and held_until > until:
        until, reason = held_until, f"{_why_held(integration.lane)} {delivery.error}".strip()
    return Fate(integration, delivery.status, reason, delivery, until)


def _why_held(lane: Lane) -> str:
    if lane.has_open_circuit:
        return "The endpoint keeps failing and is given a rest."
    return "The service asked to wait." if lane.failures else "The integration's rate limit lets no more go out yet."


def _waits_for_another(delivery: Delivery) -> bool:
    """Whether an earlier delivery about the same asset is still pending, on an ordered integration."""
    if not delivery.order_key:
        return False
    same = Delivery.objects.filter(integration=delivery.integration_id, order_key=delivery.order_key)
    return same.filter(status=Delivery.Status.PENDING, id__lt=delivery.id).exists()


def _why_not(event: Event, integration: Integration) -> str:
    then = as_of(integration, event.created_at)
    if event.name == PING:
        return "A ping goes to one integration only."
    if then is None:
        return "It was connected after this event."
    return _why_not_then(event, then)


def _why_not_then(event: Event, then: IntegrationChange) -> str:
    if then.status == Status.PAUSED:
        return "It was paused when this happened."
    if then.status == Status.DISABLED:
        return "It was disabled after failures when this happened."
    if not matches(then.subscriptions, event.name):
        return f"It was not subscribed to {event.name}."
    return "It was being changed in the moment when this happened."

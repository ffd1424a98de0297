"""The outcome of one event at each of its owner's integrations, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integrations.history import as_of
from integrations.models import Integration, IntegrationChange
from invenicum.events.models import Event
from invenicum.events.names import PING, matches

from .models import Delivery, Lane

Status = Integration.Status

NOT_SENT = "not_sent"  # the outcome at an integration for which the event has no delivery

IS_SENT_SHORTLY = "The backfill that has made it sends it shortly."
IS_BEING_SENT = "It is being sent."
WAITS_FOR_EARLIER = "It waits for an earlier event about the same asset."
WAITING_REASONS: dict[str, str] = {
    Status.PAUSED: "It waits until the integration is resumed.",
    Status.DISABLED: "It waits until the integration, disabled after failures, is resumed.",
    Status.NEEDS_RECONNECT: "It waits until the integration is connected again.",
}


class Cause(StrEnum):
    """Why an event has no delivery to an integration."""

    PING = "ping"
    SNAPSHOT = "snapshot"
    CONNECTED_LATER = "connected_later"
    PAUSED = "paused"
    DISABLED = "disabled"
    NOT_SUBSCRIBED = "not_subscribed"
    CHANGING = "changing"


CAUSES: dict[Cause, str] = {
    Cause.PING: "A ping goes to one integration only.",
    Cause.SNAPSHOT: "A snapshot of an asset goes to one integration only.",
    Cause.CONNECTED_LATER: "It was connected after this event.",
    Cause.PAUSED: "It was paused when this happened.",
    Cause.DISABLED: "It was disabled after failures when this happened.",
    Cause.NOT_SUBSCRIBED: "It was not subscribed to {}.",
    Cause.CHANGING: "It was being changed when this happened.",
}


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """The outcome of an event at one integration.

    `outcome` is the status of its delivery, or `not_sent` if it has none, for the `cause`. `reason` is a sentence for
    the user, empty if there is nothing to explain. `waits_until` is the time of the next attempt of a pending delivery,
    None if that depends on the user.
    """

    integration: Integration
    outcome: str
    reason: str
    delivery: Delivery | None = None
    waits_until: datetime | None = None
    cause: Cause | None = None

    @property
    def backfilled(self) -> bool:
        """Whether a backfill made the delivery."""
        return self.delivery is not None and self.delivery.backfilled


def outcomes_of(event: Event) -> list[EventOutcome]:
    """The outcomes of `event` at its owner's integrations, sorted by type.

    An integration that has been deleted is included if the event has a delivery to it.
    """
    deliveries = {
        delivery.integration_id: delivery
        for delivery in event.deliveries.select_related("integration__lane").defer("integration__secrets")
    }
    others = Integration.objects.live().without_secrets().filter(owner=event.owner_id).exclude(pk__in=deliveries)
    outcomes = [_of_delivery(delivery) for delivery in deliveries.values()]
    then = as_of(others, event.created_at)
    outcomes += [_not_sent(event, integration, then.get(integration.pk)) for integration in others]
    return sorted(outcomes, key=lambda outcome: (outcome.integration.type, outcome.integration.id))


def _of_delivery(delivery: Delivery) -> EventOutcome:
    integration = delivery.integration
    if delivery.status != Delivery.Status.PENDING:
        return EventOutcome(integration, delivery.status, delivery.error, delivery)
    if delivery.due_at is None:
        reason = WAITING_REASONS.get(integration.status, IS_SENT_SHORTLY)
        return EventOutcome(integration, delivery.status, reason, delivery)
    until = delivery.due_at
    problem = delivery.message
    reason = problem or (WAITS_FOR_EARLIER if _waits_for_earlier_delivery(delivery) else IS_BEING_SENT)
    lane = integration.lane
    if lane.next_at and lane.next_at > until:
        until, reason = lane.next_at, f"The integration's rate limit is reached. {problem}".strip()
    if lane.held_until and lane.held_until > until:
        until, reason = lane.held_until, f"{_why_held(lane)} {problem}".strip()
    return EventOutcome(integration, delivery.status, reason, delivery, until)


def _why_held(lane: Lane) -> str:
    if lane.integration.problem_fault == Integration.Fault.TARGET:
        return "Deliveries wait until the target is corrected."
    if lane.has_open_circuit:
        return "The endpoint keeps failing, so its circuit breaker is open."
    return "The service asked to wait, or its name does not resolve."


def _waits_for_earlier_delivery(delivery: Delivery) -> bool:
    """Whether an earlier delivery about the same asset is still pending, on an ordered integration."""
    if not delivery.order_key:
        return False
    same = Delivery.objects.filter(integration=delivery.integration_id, order_key=delivery.order_key)
    return same.filter(status=Delivery.Status.PENDING, sequence__lt=delivery.sequence).exists()


def _not_sent(event: Event, integration: Integration, then: IntegrationChange | None) -> EventOutcome:
    cause = _cause(event, then)
    return EventOutcome(integration, NOT_SENT, CAUSES[cause].format(event.name), cause=cause)


def _cause(event: Event, then: IntegrationChange | None) -> Cause:
    """`then`: how the integration was when the event happened; None if it did not exist yet."""
    if event.name == PING:
        return Cause.PING
    if event.position is None:
        return Cause.SNAPSHOT
    if then is None:
        return Cause.CONNECTED_LATER
    if then.status == Status.PAUSED:
        return Cause.PAUSED
    if then.status == Status.DISABLED:
        return Cause.DISABLED
    if not matches(then.subscriptions, event.name):
        return Cause.NOT_SUBSCRIBED
    return Cause.CHANGING

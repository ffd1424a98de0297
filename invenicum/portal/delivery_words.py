"""Deliveries and what became of events in a person's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import registry
from integrations.models import Integration
from invenicum.events.models import Event
from webhooks import event_status
from webhooks.delivery_log import State
from webhooks.event_status import Cause, EventOutcome
from webhooks.models import Delivery

from .numbers import count
from .states import Tone, delivery_state

STATE_WORDS: dict[State, str | Promise] = {
    State.ON_ITS_WAY: gettext_lazy("On its way"),
    State.RETRYING: gettext_lazy("Retrying"),
    State.WAITING: gettext_lazy("Waiting for you"),
    State.HELD: gettext_lazy("Held"),
    State.DELIVERED: gettext_lazy("Delivered"),
    State.FAILED: gettext_lazy("Failed"),
    State.CANCELLED: gettext_lazy("Cancelled"),
}
ERROR_CLASS_WORDS: dict[str, str | Promise] = {
    "http": gettext_lazy("an error as the answer"),
    "timeout": gettext_lazy("no answer in time"),
    "dns": gettext_lazy("the name does not resolve"),
    "connect": gettext_lazy("no connection"),
    "refused": gettext_lazy("the connection was refused"),
    "reset": gettext_lazy("the connection broke off"),
    "tls": gettext_lazy("no secure connection"),
    "blocked": gettext_lazy("the address is not allowed"),
}
CAUSE_WORDS: dict[Cause, str | Promise] = {
    Cause.PING: gettext_lazy("not meant for it"),
    Cause.SNAPSHOT: gettext_lazy("not meant for it"),
    Cause.CONNECTED_LATER: gettext_lazy("connected later"),
    Cause.PAUSED: gettext_lazy("was paused"),
    Cause.DISABLED: gettext_lazy("was stopped"),
    Cause.NOT_SUBSCRIBED: gettext_lazy("not subscribed"),
    Cause.CHANGING: gettext_lazy("was being changed"),
}
CAUSE_SENTENCES: dict[Cause, str | Promise] = {
    Cause.PING: gettext_lazy("A test goes to one service only."),
    Cause.SNAPSHOT: gettext_lazy("What existed before is sent to one service only."),
    Cause.CONNECTED_LATER: gettext_lazy("It was connected after this event."),
    Cause.PAUSED: gettext_lazy("It was paused when this happened."),
    Cause.DISABLED: gettext_lazy("It had been stopped after failures when this happened."),
    Cause.NOT_SUBSCRIBED: gettext_lazy("It is not sent such events: they are not among those that you chose for it."),
    Cause.CHANGING: gettext_lazy("It was being changed when this happened."),
}
# In the language of the page, what `webhooks.event_status` says of deliveries that wait.
REASONS: dict[str, str | Promise] = {
    event_status.IS_SENT_SHORTLY: gettext_lazy("What is sent afterwards goes out shortly."),
    event_status.IS_BEING_SENT: gettext_lazy("It is being sent."),
    event_status.WAITS_FOR_EARLIER: gettext_lazy("It waits for an earlier event about the same asset."),
    event_status.WAITING_REASONS["paused"]: gettext_lazy("It waits until you resume the service."),
    event_status.WAITING_REASONS["disabled"]: gettext_lazy("It waits until you resume the service, which was stopped."),
    event_status.WAITING_REASONS["needs_reconnect"]: gettext_lazy("It waits until you connect the service again."),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A state as pages show it: words in the color of `tone`."""

    tone: Tone
    words: str | Promise


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as lists show it. `subject`: what its event is about; empty if that is not known."""

    delivery: Delivery
    chip: Chip
    service: str
    subject: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event at a service. `reason`: a sentence, may be empty.

    `may_send`: whether it can be sent there now. `is_sent`: whether there is a delivery, which is then sent again.
    """

    integration: Integration
    delivery: Delivery | None
    service: str
    chip: Chip
    reason: str | Promise
    may_send: bool

    @property
    def is_sent(self) -> bool:
        """Whether there is a delivery."""
        return self.delivery is not None


def chip_of(delivery: Delivery) -> Chip:
    """The chip of a delivery with its `integration`."""
    tone, words = delivery_state(
        delivery.status,
        tries=delivery.attempts_made,
        most=len(settings.RETRY_SCHEDULE),
        waits=delivery.due_at is None,
        held=delivery.integration.problem_fault == Integration.Fault.TARGET,
    )
    return Chip(tone, words)


def service_of(delivery: Delivery) -> str:
    """`Google Drive`."""
    return registry.get(delivery.integration.type).name


def row_of(delivery: Delivery) -> Row:
    """A delivery of `DeliveryLog.page`."""
    name = getattr(delivery, "asset_name", None)
    return Row(delivery, chip_of(delivery), service_of(delivery), str(name or delivery.event.subject))


def subject_of(event: Event) -> str:
    """What an event is about: the name of its asset then, or its id; empty if it is about none."""
    document = event.document if isinstance(event.document, dict) else {}
    data = event.payload.get("data")
    named = data.get("name") if isinstance(data, dict) else None
    return str(document.get("name") or (named if isinstance(named, str) else "") or event.subject)


def outcome_of(outcome: EventOutcome) -> Outcome:
    """What became of an event at one integration, for a page."""
    integration, delivery = outcome.integration, outcome.delivery
    service, is_live = registry.get(integration.type).name, integration.deleted_at is None
    if delivery is not None:
        reason = REASONS.get(outcome.reason, outcome.reason)
        return Outcome(integration, delivery, service, chip_of(delivery), reason, is_live)
    cause = outcome.cause or Cause.CHANGING
    may_send = is_live and cause not in (Cause.PING, Cause.SNAPSHOT)
    return Outcome(integration, None, service, Chip("rest", CAUSE_WORDS[cause]), CAUSE_SENTENCES[cause], may_send)


def tally(counted: Mapping[str, int]) -> list[Chip]:
    """How many deliveries have which status, e.g. `3 delivered`, the worst first."""
    words: tuple[tuple[str, Tone, str], ...] = (
        (Delivery.Status.FAILED, "bad", _("%(number)s failed")),
        (Delivery.Status.PENDING, "warn", _("%(number)s not delivered yet")),
        (Delivery.Status.DELIVERED, "good", _("%(number)s delivered")),
        (Delivery.Status.CANCELLED, "rest", _("%(number)s cancelled")),
    )
    return [
        Chip(tone, text % {"number": count(counted[status])}) for status, tone, text in words if counted.get(status)
    ]


def attempt_words(status_code: int | None, error_class: str, milliseconds: int) -> str:
    """How an attempt ended: `HTTP 503 after 0.21 s`, `no answer in time, after 15 s`."""
    seconds = number_format(milliseconds / 1000, 2 if milliseconds < 10_000 else 0, use_l10n=True)
    if status_code:
        return _("HTTP %(code)s after %(seconds)s s") % {"code": status_code, "seconds": seconds}
    words = ERROR_CLASS_WORDS.get(error_class)
    if words is None:
        return _("after %(seconds)s s") % {"seconds": seconds}
    return _("%(what)s, after %(seconds)s s") % {"what": words, "seconds": seconds}

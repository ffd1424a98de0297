"""The state of an integration in a person's words: a chip, a reason, and the one thing to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.models import Integration

Tone = Literal["good", "warn", "bad", "rest"]
# What the one next step does: a page that the view knows.
Step = Literal["connect", "complete", "reconnect", "open", "resume"]

Status, Fault = Integration.Status, Integration.Fault
NEEDS_YOU = gettext_lazy("%(name)s needs you")


@dataclass(frozen=True, slots=True)
class State:
    """`words` for the chip in the color of `tone`; `reason` in a sentence, empty if there is nothing to explain.

    `step` is the next one, `step_words` its button. `headline` is for a banner, with a place for the service's name.
    """

    tone: Tone
    words: str | Promise
    reason: str
    step: Step
    step_words: str | Promise
    headline: str | Promise = NEEDS_YOU

    @property
    def needs_attention(self) -> bool:
        """Whether its owner should look at it."""
        return self.tone in ("bad", "warn")


NOT_CONNECTED = State("rest", gettext_lazy("Not connected"), "", "connect", gettext_lazy("Connect"))


def state_of(integration: Integration | None) -> State:
    """The state of an integration with its `lane`; of a type that is not connected without one."""
    if integration is None:
        return NOT_CONNECTED
    reason = (integration.is_active and integration.problem) or integration.status_reason
    match integration.status:
        case Status.NEEDS_RECONNECT:
            return State("bad", _("Needs you"), reason, "reconnect", _("Connect again"))
        case Status.DISABLED:
            return State("bad", _("Stopped"), reason, "open", _("See why"), _("%(name)s was stopped"))
        case Status.PAUSED if reason:
            return State("bad", _("Needs you"), reason, "complete", _("Complete it"))
        case Status.PAUSED:
            return State("rest", _("Paused"), "", "resume", _("Resume"))
    return _active(integration, reason)


def _active(integration: Integration, reason: str) -> State:
    if integration.lane.on_hold:
        told = _("The service does not work at present, so the operators of this server hold what is sent to it.")
        return State("warn", _("On hold"), told, "open", _("See why"), _("What is sent to %(name)s is on hold"))
    match integration.problem_fault:
        case Fault.TARGET:
            return State("bad", _("Needs you"), reason, "complete", _("Correct it"))
        case Fault.EVENT:
            headline = _("%(name)s refuses events")
            return State("warn", _("Refuses events"), reason, "open", _("See why"), headline)
        case Fault.SERVICE:
            return _retrying(reason)
    if integration.lane.failures:
        return _retrying("")
    if integration.hook_status == Integration.HookStatus.FAILED:
        return State("warn", _("Needs you"), reason, "complete", _("Correct it"))
    words = _("Delivering") if integration.last_sync else _("Connected")
    return State("good", words, reason, "open", _("Open"))


def _retrying(reason: str) -> State:
    headline = _("%(name)s does not take what is sent")
    return State("warn", _("Retrying"), reason, "open", _("See why"), headline)


def delivery_state(status: str, *, tries: int, most: int, waits: bool, held: bool) -> tuple[Tone, str]:
    """A delivery in a person's words, e.g. `("warn", "retrying 3 of 10")`.

    status: of the delivery. tries, most: attempts made, and those that its schedule has. waits: until its integration
    is active again. held: until its owner has corrected the target.
    """
    match status:
        case "delivered":
            return "good", _("delivered")
        case "failed":
            return "bad", _("failed")
        case "cancelled":
            return "rest", _("cancelled")
    if waits:
        return "rest", _("waiting for you")
    if held:
        return "bad", _("held until corrected")
    if not tries:
        return "rest", _("on its way")
    return "warn", _("retrying %(number)s of %(most)s") % {"number": min(tries + 1, most), "most": most}

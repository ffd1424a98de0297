"""The state of an integration in a person's words: a chip, a reason, and the one thing to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from integrations.models import Integration

Tone = Literal["good", "warn", "bad", "rest"]
# What the one next step does: a page that the view knows.
Step = Literal["connect", "complete", "reconnect", "open", "resume"]

Status, Fault = Integration.Status, Integration.Fault


@dataclass(frozen=True, slots=True)
class State:
    """`words` for the chip in the color of `tone`; `reason` in a sentence, empty if there is nothing to explain.

    `step` is the next one, `step_words` its button.
    """

    tone: Tone
    words: str
    reason: str
    step: Step
    step_words: str

    @property
    def needs_attention(self) -> bool:
        """Whether its owner should look at it."""
        return self.tone in ("bad", "warn")


NOT_CONNECTED = State("rest", "Not connected", "", "connect", "Connect")


def state_of(integration: Integration | None) -> State:
    """The state of an integration with its `lane`; of a type that is not connected without one."""
    if integration is None:
        return NOT_CONNECTED
    reason = (integration.is_active and integration.problem) or integration.status_reason
    match integration.status:
        case Status.NEEDS_RECONNECT:
            return State("bad", "Needs you", reason, "reconnect", "Connect again")
        case Status.DISABLED:
            return State("bad", "Stopped", reason, "open", "See why")
        case Status.PAUSED if reason:
            return State("bad", "Needs you", reason, "complete", "Complete it")
        case Status.PAUSED:
            return State("rest", "Paused", "", "resume", "Resume")
    return _active(integration, reason)


def _active(integration: Integration, reason: str) -> State:
    match integration.problem_fault:
        case Fault.TARGET:
            return State("bad", "Needs you", reason, "complete", "Correct it")
        case Fault.EVENT:
            return State("warn", "Refuses events", reason, "open", "See why")
        case Fault.SERVICE:
            return State("warn", "Retrying", reason, "open", "See why")
    if integration.lane.failures:
        return State("warn", "Retrying", "", "open", "See why")
    if integration.hook_status == Integration.HookStatus.FAILED:
        return State("warn", "Needs you", reason, "complete", "Correct it")
    words = "Delivering" if integration.last_sync else "Connected"
    return State("good", words, reason, "open", "Open")


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

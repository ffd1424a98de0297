"""What can go wrong between us and a provider. Every error has a code of the API, says who is at `fault`, and has a
message for the user that says what to do.

IntegrationError            code INTEGRATION_ERROR         fault
 ├─ InvalidConfig           INVALID_CONFIG            target   it does not exist, or is not as configured
 ├─ AuthFailed              INTEGRATION_AUTH_FAILED   target   the provider refused the credentials
 ├─ Rejected                <TYPE>_CONNECTION_FAILED  event    the provider will never accept this event
 ├─ ConnectionFailed        <TYPE>_CONNECTION_FAILED  service  it did not answer as it should; may succeed later
 │   ├─ RateLimited         <TYPE>_CONNECTION_FAILED  service  it asks to wait `retry_after` seconds
 │   └─ TransportError      <TYPE>_CONNECTION_FAILED  service  no response; `error_class` says at which stage
 │       ├─ TimedOut        CONNECTION_TIMEOUT        service
 │       └─ NotSendable     <TYPE>_CONNECTION_FAILED  target   the request must not be sent to this address
 └─ Gone                    <TYPE>_CONNECTION_FAILED  target   gone for good: the integration is disabled

What the engine does with a delivery, by fault:

target   The owner has to act: change the configuration, or something at the provider. The delivery stays pending,
         however often it fails. Several in a row hold the lane: nothing is sent but one delivery as a probe from time
         to time, the owner gets a mail, and after five days the integration is disabled.
event    The delivery ends as failed; the others go on. The owner gets a mail if several in a row end so.
service  It may pass by itself: the delivery is tried again until its retry schedule ends.

A refusal of the target whose code has to be <TYPE>_CONNECTION_FAILED is `ConnectionFailed(…, fault="target")`. The code
of a failed connection of the custom webhook is WEBHOOK_DELIVERY_FAILED.
"""

import math
from collections.abc import Collection
from typing import ClassVar, Literal

from .redaction import redact

TYPE_PLACEHOLDER = "<TYPE>"
CONNECTION_FAILED = f"{TYPE_PLACEHOLDER}_CONNECTION_FAILED"
WEBHOOK_DELIVERY_FAILED = "WEBHOOK_DELIVERY_FAILED"  # the same of `webhook`, as the specification lists it

# The stage at which an attempt failed, as the delivery log and the metrics name it.
ErrorClass = Literal["dns", "connect", "tls", "timeout", "refused", "blocked", "reset", "http"]
Fault = Literal["target", "event", "service"]
MAX_WAIT_SECONDS = 86_400.0  # a day: the longest wait that a provider is granted


def bounded_wait(seconds: object) -> float | None:
    """How long to wait, from 0 seconds to a day; None for what is no finite number.

    A provider says it in a header or a body, and a user may run the "provider": NaN, infinity, a text or a number too
    large for a float must not reach the schedule.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if isinstance(seconds, float) and not math.isfinite(seconds):
        return None
    return float(min(max(seconds, 0), MAX_WAIT_SECONDS))


class IntegrationError(Exception):
    """Base of all errors between us and a provider.

    `message` is shown to the user and stored in the delivery log, so it must contain no secret; it says what to do,
    e.g. "acme/stock has no branch main: create it, or choose another branch.". `fault` replaces who is at fault
    according to the class. `retry_after` is how long the provider asks to wait, in seconds, or None.
    """

    code: ClassVar[str] = "INTEGRATION_ERROR"
    fault: Fault = "service"
    error_class: ErrorClass = "http"

    def __init__(self, message: str, *, fault: Fault | None = None, retry_after: float | None = None):
        super().__init__(message)
        self.message = message
        self.retry_after = bounded_wait(retry_after)
        if fault is not None:
            self.fault = fault

    def hide(self, secrets: Collection[str]) -> None:
        """Takes `secrets` out of what it says: a service may repeat what it was sent."""
        self.message = redact(self.message, secrets)
        self.args = (self.message,)

    def code_for(self, connector_type: str) -> str:
        """The API's error code, e.g. `SLACK_CONNECTION_FAILED` for a ConnectionFailed of `slack`."""
        if connector_type == "webhook" and self.code == CONNECTION_FAILED:
            return WEBHOOK_DELIVERY_FAILED
        return self.code.replace(TYPE_PLACEHOLDER, connector_type.upper())


class NotNow(Exception):
    """What a flow needs is being made by another one: that was no attempt, and it is tried again in a moment."""


class InvalidConfig(IntegrationError):
    """The configuration is invalid or names a target that does not exist. `details`: messages by JSON name."""

    code = "INVALID_CONFIG"
    fault = "target"

    def __init__(self, message: str, details: dict[str, list[str]] | None = None):
        super().__init__(message)
        self.details = details or {}

    def hide(self, secrets: Collection[str]) -> None:
        super().hide(secrets)
        self.details = {name: [redact(text, secrets) for text in texts] for name, texts in self.details.items()}


class AuthFailed(IntegrationError):
    """The provider refused the credentials, or they may not do this."""

    code = "INTEGRATION_AUTH_FAILED"
    fault = "target"


class Rejected(IntegrationError):
    """The provider will never accept this event, e.g. because its document is too large, and may accept others."""

    code = CONNECTION_FAILED
    fault = "event"


class ConnectionFailed(IntegrationError):
    """The provider did not answer as it should."""

    code = CONNECTION_FAILED


class RateLimited(ConnectionFailed):
    """The provider asks to wait for `retry_after` seconds."""


class TransportError(ConnectionFailed):
    """No HTTP response. The driver raises it inside the flow, at the `yield` of the request."""

    def __init__(self, message: str, error_class: ErrorClass):
        super().__init__(message)
        self.error_class = error_class


class TimedOut(TransportError):
    """No response in time."""

    code = "CONNECTION_TIMEOUT"

    def __init__(self, message: str):
        super().__init__(message, "timeout")


class NotSendable(TransportError):
    """The request was not sent, because policy or its form forbids it."""

    fault = "target"

    def __init__(self, message: str):
        super().__init__(message, "blocked")


class Gone(IntegrationError):
    """The endpoint is gone for good (HTTP 410 or the provider's equivalent): the integration is disabled."""

    code = CONNECTION_FAILED
    fault = "target"

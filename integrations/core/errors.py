"""What can go wrong between us and a provider. Every error has a code of the API and a message for the user.

IntegrationError            code INTEGRATION_ERROR
 ├─ InvalidConfig           INVALID_CONFIG            the target is wrong; trying again does not help
 ├─ AuthFailed              INTEGRATION_AUTH_FAILED   the provider refused the credentials
 ├─ Rejected                <TYPE>_CONNECTION_FAILED  it will never accept this request
 ├─ ConnectionFailed        <TYPE>_CONNECTION_FAILED  it did not answer as it should; may succeed later
 │   ├─ RateLimited         <TYPE>_CONNECTION_FAILED  it asks to wait `retry_after` seconds
 │   └─ TransportError      <TYPE>_CONNECTION_FAILED  no response; `error_class` says at which stage
 │       └─ TimedOut        CONNECTION_TIMEOUT
 └─ Gone                    <TYPE>_CONNECTION_FAILED  the endpoint is gone for good: the integration is disabled

The code of a failed connection of the custom webhook is WEBHOOK_DELIVERY_FAILED.
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

    `message` is shown to the user and stored in the delivery log, so it must contain no secret. `permanent` says that
    trying the same request again cannot help. `retry_after` is how long the provider asks to wait, in seconds, or None.
    """

    code: ClassVar[str] = "INTEGRATION_ERROR"
    permanent: bool = False
    error_class: ErrorClass = "http"

    def __init__(self, message: str, *, permanent: bool | None = None, retry_after: float | None = None):
        super().__init__(message)
        self.message = message
        self.retry_after = bounded_wait(retry_after)
        if permanent is not None:
            self.permanent = permanent

    def hide(self, secrets: Collection[str]) -> None:
        """Takes `secrets` out of what it says: a service may repeat what it was sent."""
        self.message = redact(self.message, secrets)
        self.args = (self.message,)

    def code_for(self, connector_type: str) -> str:
        """The API's error code, e.g. `SLACK_CONNECTION_FAILED` for a ConnectionFailed of `slack`."""
        if connector_type == "webhook" and self.code == CONNECTION_FAILED:
            return WEBHOOK_DELIVERY_FAILED
        return self.code.replace(TYPE_PLACEHOLDER, connector_type.upper())


class InvalidConfig(IntegrationError):
    """The configuration is invalid or names a target that does not exist. `details`: messages by JSON name."""

    code = "INVALID_CONFIG"
    permanent = True

    def __init__(self, message: str, details: dict[str, list[str]] | None = None, *, permanent: bool | None = None):
        super().__init__(message, permanent=permanent)
        self.details = details or {}

    def hide(self, secrets: Collection[str]) -> None:
        super().hide(secrets)
        self.details = {name: [redact(text, secrets) for text in texts] for name, texts in self.details.items()}


class AuthFailed(IntegrationError):
    """The provider refused the credentials. Not permanent, because the user may correct them at the provider."""

    code = "INTEGRATION_AUTH_FAILED"


class Rejected(IntegrationError):
    """The provider understood the request and will never accept it, e.g. because the document is too large."""

    code = CONNECTION_FAILED
    permanent = True


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


class Gone(IntegrationError):
    """The endpoint is gone permanently (HTTP 410 or the provider's equivalent): the integration is disabled."""

    code = CONNECTION_FAILED
    permanent = True

"""What can go wrong between us and a service. Every error carries the API's code and a sentence for a person.

IntegrationError            code INTEGRATION_ERROR
 ├─ InvalidConfig           INVALID_CONFIG            the service says the target is wrong; trying again does not help
 ├─ AuthFailed              INTEGRATION_AUTH_FAILED   the service refused the credentials
 ├─ Rejected                <TYPE>_CONNECTION_FAILED  it will never take this request; trying again does not help
 ├─ ConnectionFailed        <TYPE>_CONNECTION_FAILED  it did not answer as it should; may pass
 │   ├─ RateLimited         <TYPE>_CONNECTION_FAILED  it asks to wait `retry_after` seconds
 │   └─ TransportError      <TYPE>_CONNECTION_FAILED  no answer at all; `error_class` says at which stage
 │       └─ TimedOut        CONNECTION_TIMEOUT
 └─ Gone                    <TYPE>_CONNECTION_FAILED  the endpoint is gone for good: the integration is disabled
"""

from typing import ClassVar, Literal

type_placeholder = "<TYPE>"

# Where an attempt failed; the delivery log and the metrics use these words.
ErrorClass = Literal["dns", "connect", "tls", "timeout", "refused", "blocked", "reset", "http"]


class IntegrationError(Exception):
    """Base of the family.

    `message` is shown to the user and stored in the log, so it must hold no secret.
    `permanent` says that trying the same request again cannot help; `retry_after`
    is the number of seconds the service asked us to wait, or None.
    """

    code: ClassVar[str] = "INTEGRATION_ERROR"
    permanent: bool = False
    error_class: ErrorClass = "http"

    def __init__(self, message: str, *, permanent: bool | None = None, retry_after: float | None = None):
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        if permanent is not None:
            self.permanent = permanent

    def code_for(self, connector_type: str) -> str:
        """The API's error code, e.g. `SLACK_CONNECTION_FAILED` for a ConnectionFailed of `slack`."""
        return self.code.replace(type_placeholder, connector_type.upper())


class InvalidConfig(IntegrationError):
    """The configuration names something that is not there. `details` maps a field to its messages."""

    code = "INVALID_CONFIG"
    permanent = True

    def __init__(self, message: str, details: dict[str, list[str]] | None = None, *, permanent: bool | None = None):
        super().__init__(message, permanent=permanent)
        self.details = details or {}


class AuthFailed(IntegrationError):
    """The service refused the credentials. Tried again: a person may mend them meanwhile."""

    code = "INTEGRATION_AUTH_FAILED"


class Rejected(IntegrationError):
    """The service understood the request and will never accept it, e.g. a document too large for it."""

    code = f"{type_placeholder}_CONNECTION_FAILED"
    permanent = True


class ConnectionFailed(IntegrationError):
    """The service did not answer as it should."""

    code = f"{type_placeholder}_CONNECTION_FAILED"


class RateLimited(ConnectionFailed):
    """The service asks to wait; `retry_after` is in seconds."""


class TransportError(ConnectionFailed):
    """No HTTP answer. Raised into a flow by its driver."""

    def __init__(self, message: str, error_class: ErrorClass):
        super().__init__(message)
        self.error_class = error_class


class TimedOut(TransportError):
    """No answer in time."""

    code = "CONNECTION_TIMEOUT"

    def __init__(self, message: str):
        super().__init__(message, "timeout")


class Gone(IntegrationError):
    """The endpoint is gone for good (HTTP 410 or the service's equivalent)."""

    code = f"{type_placeholder}_CONNECTION_FAILED"
    permanent = True

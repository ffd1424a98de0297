"""What the API answers if a service or a connector of `integrations` raises."""

from invenicum.api.errors import NOT_FOUND, ApiError

from . import lookups, previews, registry, signing_secrets
from .core.errors import IntegrationError, InvalidConfig

INTEGRATION_NOT_FOUND = "INTEGRATION_NOT_FOUND"
SHOWN_TYPE_MAX_LENGTH = 40  # characters of a type that the caller made up, in a message
ANY_TYPE = "integration"  # replaces the type in a code if a request is not about one


def api_error(error: Exception, integration_type: str | None = None) -> ApiError | None:
    """The API's error for an exception: 404 if something does not exist, 400 for others of ours, None for the rest.

    `integration_type`: the type that the failing action is about, as its address or its valid body says. The code of a
    service's refusal names it: `SLACK_CONNECTION_FAILED`.
    """
    match error:
        case registry.UnknownType():
            shown = str(error)[:SHOWN_TYPE_MAX_LENGTH]
            return _not_found(f"There is no integration type {shown!r}: GET /connectors lists the types.")
        case lookups.IntegrationNotFound():
            return _not_found(f"You have no {str(error)[:SHOWN_TYPE_MAX_LENGTH]} integration.")
        case previews.UnknownEvent():
            return ApiError(404, NOT_FOUND, "You have no such event.")
        case signing_secrets.NoSigningSecret():
            return _not_found(f"The {error} integration has no signing secret.")
        case InvalidConfig():
            return ApiError(400, error.code, error.message, details=error.details or None)
        case IntegrationError():
            return ApiError(400, error.code_for(integration_type or ANY_TYPE), error.message)
    return None


def _not_found(message: str) -> ApiError:
    return ApiError(404, INTEGRATION_NOT_FOUND, message)

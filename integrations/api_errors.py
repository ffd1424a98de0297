"""What the API answers if a service of `integrations` raises."""

from invenicum.api.errors import ApiError

from . import registry, services
from .core.errors import InvalidConfig


def api_error(error: Exception) -> ApiError | None:
    """404 for what is not there, 400 for a configuration that is not valid; None for any other exception."""
    match error:
        case registry.UnknownType():
            return not_found(
                f"There is no integration type {str(error)[:40]!r}: GET /connectors lists those there are."
            )
        case services.IntegrationNotFound():
            return not_found(f"You have no {str(error)[:40]} integration.")
        case services.NoSigningSecret():
            return not_found(f"The {error} integration has no signing secret.")
        case InvalidConfig():
            return ApiError(400, error.code, error.message, details=error.details or None)
    return None


def not_found(message: str) -> ApiError:
    return ApiError(404, "INTEGRATION_NOT_FOUND", message)

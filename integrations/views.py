"""The integrations API. A view checks who asks, calls one service, and answers."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invenicum.api.errors import ApiError
from invenicum.api.throttling import OutgoingThrottle
from invenicum.events.publish import format_timestamp

from . import registry, services
from .catalog import describe
from .core.errors import IntegrationError, InvalidConfig
from .models import Integration
from .schema import (
    active_schema,
    catalog_schema,
    connector_schema,
    delete_schema,
    read_schema,
    rotate_schema,
    save_schema,
    secret_schema,
    status_schema,
    test_schema,
)


class IntegrationView(APIView):
    """Base: turns what the services raise into the API's errors."""

    required_scopes = {
        "GET": "integrations:read",
        "POST": "integrations:write",
        "PATCH": "integrations:write",
        "DELETE": "integrations:write",
    }

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(self._api_error(exc) or exc)

    def _api_error(self, exc: Exception) -> APIException | None:
        match exc:
            case registry.UnknownType() | services.IntegrationNotFound():
                return not_found(f"There is no {exc} integration.")
            case services.NoSigningSecret():
                return not_found(f"The {exc} integration has no signing secret.")
            case InvalidConfig():
                return ApiError(400, exc.code, exc.message, details=exc.details or None)
            case IntegrationError():
                integration_type, _ = type_and_config(self.request.data)
                return ApiError(400, exc.code_for(integration_type), exc.message)
        return None


def not_found(message: str) -> ApiError:
    return ApiError(404, "INTEGRATION_NOT_FOUND", message)


def type_and_config(body: Any) -> tuple[str, dict[str, Any]]:
    """The two fields of a test or a save. Raises InvalidConfig with `details`."""
    if not isinstance(body, dict):
        raise InvalidConfig("Send a JSON object with type and config.", {"type": ["this field is required"]})
    details = {}
    if not isinstance(body.get("type"), str):
        details["type"] = ["must be the name of an integration type, for example slack"]
    if not isinstance(body.get("config"), dict):
        details["config"] = ["must be an object"]
    if details:
        raise InvalidConfig("Send a JSON object with type and config.", details)
    return body["type"], body["config"]


def read_flag(body: Any, *, required: bool) -> bool | None:
    """`isActive` from a body. Raises InvalidConfig where it is not a boolean."""
    value = body.get("isActive") if isinstance(body, dict) else None
    if isinstance(value, bool) or (value is None and not required):
        return value
    raise InvalidConfig("isActive must be true or false.", {"isActive": ["must be true or false"]})


class StatusView(IntegrationView):
    @status_schema
    def get(self, request: Request) -> Response:
        active = set(
            Integration.objects.live()
            .filter(owner=request.user, status=Integration.Status.ACTIVE)
            .values_list("type", flat=True)
        )
        return Response({"data": {connector.type: connector.type in active for connector in registry.CONNECTORS}})


class IntegrationListView(IntegrationView):
    @save_schema
    def post(self, request: Request) -> Response:
        integration_type, values = type_and_config(request.data)
        is_active = read_flag(request.data, required=False)
        saved = services.save_integration(request.user, integration_type, values, is_active=is_active)
        data = summarise(saved.integration)
        if saved.signing_secret:
            data["signingSecret"] = saved.signing_secret
        return Response({"success": True, "message": _done(integration_type, "saved"), "data": data})


class TestView(IntegrationView):
    throttle_classes = [OutgoingThrottle]

    @test_schema
    def post(self, request: Request) -> Response:
        result = services.test_connection(request.user, *type_and_config(request.data))
        return Response({"success": True, "message": result.message, "metadata": result.metadata})


class IntegrationDetailView(IntegrationView):
    @read_schema
    def get(self, request: Request, integration_type: str) -> Response:
        return Response({"data": present(services.find(request.user, integration_type))})

    @active_schema
    def patch(self, request: Request, integration_type: str) -> Response:
        is_active = read_flag(request.data, required=True)
        return Response({"data": present(services.set_active(request.user, integration_type, bool(is_active)))})

    @delete_schema
    def delete(self, request: Request, integration_type: str) -> Response:
        services.delete_integration(request.user, integration_type)
        return Response({"success": True, "message": _done(integration_type, "deleted")})


class SigningSecretView(IntegrationView):
    required_scopes = {"GET": "integrations:write"}  # who may read it may sign as us

    @secret_schema
    def get(self, request: Request, integration_type: str) -> Response:
        secret = services.signing_secret(request.user, integration_type)
        return Response({"data": {"signingSecret": secret}})


class RotateSigningSecretView(IntegrationView):
    @rotate_schema
    def post(self, request: Request, integration_type: str) -> Response:
        secret, until = services.rotate_signing_secret(request.user, integration_type)
        return Response({"data": {"signingSecret": secret, "previousValidUntil": format_timestamp(until)}})


class ConnectorListView(IntegrationView):
    @catalog_schema
    def get(self, request: Request) -> Response:
        catalog = [describe(connector) for connector in registry.all_connectors()]
        return Response({"data": catalog, "next": None, "previous": None})


class ConnectorDetailView(IntegrationView):
    @connector_schema
    def get(self, request: Request, integration_type: str) -> Response:
        return Response({"data": describe(registry.get(integration_type))})


def present(integration: Integration) -> dict[str, Any]:
    """An integration as the API shows it: without secrets."""
    return summarise(integration) | {
        "config": integration.config,
        "lastSync": integration.last_sync and format_timestamp(integration.last_sync),
        "status": integration.status,
        "statusReason": integration.status_reason or None,
        "account": integration.account or None,
        "secrets": integration.secret_presence(),
    }


def summarise(integration: Integration) -> dict[str, Any]:
    return {
        "type": integration.type,
        "isActive": integration.is_active,
        "createdAt": format_timestamp(integration.created_at),
    }


def _done(integration_type: str, verb: str) -> str:
    return f"{registry.get(integration_type).name} integration {verb} successfully"

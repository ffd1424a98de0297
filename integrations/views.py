"""The integrations API. A view checks who asks, calls one service, and answers."""

from typing import Any

from pydantic import ConfigDict
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invenicum.accounts.authentication import current_user
from invenicum.api.bodies import Body, read
from invenicum.api.errors import ApiError
from invenicum.api.responses import NeverCached, answer
from invenicum.api.throttling import OutgoingThrottle
from invenicum.timestamps import format_timestamp

from . import registry, services
from .api_errors import api_error
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


class ConfigBody(Body):
    """A configuration to test. The app may send the whole model: what else it holds is not ours to refuse."""

    model_config = ConfigDict(extra="ignore")

    type: str
    config: dict[str, Any]


class SaveBody(ConfigBody):
    is_active: bool | None = None


class ActiveBody(Body):
    is_active: bool


class IntegrationView(NeverCached, APIView):
    """Base: turns what the services raise into the API's errors."""

    required_scopes: str | dict[str, str] = {
        "GET": "integrations:read",
        "POST": "integrations:write",
        "PATCH": "integrations:write",
        "DELETE": "integrations:write",
    }

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(self._api_error(exc) or exc)

    def _api_error(self, exc: Exception) -> APIException | None:
        if isinstance(exc, IntegrationError) and not isinstance(exc, InvalidConfig):
            body = read(ConfigBody, self.request.data)
            return ApiError(400, exc.code_for(body.type), exc.message)
        return api_error(exc)


class StatusView(IntegrationView):
    @status_schema
    def get(self, request: Request) -> Response:
        active = set(
            Integration.objects.live()
            .filter(owner=current_user(request), status=Integration.Status.ACTIVE)
            .values_list("type", flat=True)
        )
        return answer({connector.type: connector.type in active for connector in registry.CONNECTORS})


class IntegrationListView(IntegrationView):
    @save_schema
    def post(self, request: Request) -> Response:
        body = read(SaveBody, request.data)
        saved = services.save_integration(current_user(request), body.type, body.config, is_active=body.is_active)
        data = summarise(saved.integration)
        if saved.signing_secret:
            data["signingSecret"] = saved.signing_secret
        return Response({"success": True, "message": _done(body.type, "saved"), "data": data})


class TestView(IntegrationView):
    throttle_classes = [OutgoingThrottle]

    @test_schema
    def post(self, request: Request) -> Response:
        body = read(ConfigBody, request.data)
        result = services.test_connection(current_user(request), body.type, body.config)
        return Response({"success": True, "message": result.message, "metadata": result.metadata})


class IntegrationDetailView(IntegrationView):
    @read_schema
    def get(self, request: Request, integration_type: str) -> Response:
        return answer(present(services.find(current_user(request), integration_type)))

    @active_schema
    def patch(self, request: Request, integration_type: str) -> Response:
        body = read(ActiveBody, request.data)
        return answer(present(services.set_active(current_user(request), integration_type, body.is_active)))

    @delete_schema
    def delete(self, request: Request, integration_type: str) -> Response:
        services.delete_integration(current_user(request), integration_type)
        return Response({"success": True, "message": _done(integration_type, "deleted")})


class SigningSecretView(IntegrationView):
    required_scopes = {"GET": "integrations:write"}  # who may read it may sign as us

    @secret_schema
    def get(self, request: Request, integration_type: str) -> Response:
        secret = services.signing_secret(current_user(request), integration_type)
        return answer({"signingSecret": secret})


class RotateSigningSecretView(IntegrationView):
    @rotate_schema
    def post(self, request: Request, integration_type: str) -> Response:
        secret, until = services.rotate_signing_secret(current_user(request), integration_type)
        return answer({"signingSecret": secret, "previousValidUntil": format_timestamp(until)})


class ConnectorListView(IntegrationView):
    @catalog_schema
    def get(self, request: Request) -> Response:
        catalog = [describe(connector) for connector in registry.all_connectors()]
        return Response({"data": catalog, "next": None, "previous": None})


class ConnectorDetailView(IntegrationView):
    @connector_schema
    def get(self, request: Request, integration_type: str) -> Response:
        return answer(describe(registry.get(integration_type)))


def present(integration: Integration) -> dict[str, Any]:
    """An integration as the API shows it: without secrets."""
    return summarise(integration) | {
        "config": integration.config,
        "lastSync": integration.last_sync and format_timestamp(integration.last_sync),
        "status": integration.status,
        "statusReason": integration.status_reason or None,
        "account": integration.account or None,
        "inboundUrl": services.inbound_url(integration),
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

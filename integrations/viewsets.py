"""The integrations API: what a user has connected, and what there is to connect."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from invenicum.accounts.authentication import current_access, current_user
from invenicum.accounts.idempotency import idempotent
from invenicum.api.envelopes import DoneSerializer, answer_of, done_of, page_of
from invenicum.api.errors import ApiError, invalid
from invenicum.api.openapi import Error
from invenicum.api.pagination import OnePagePagination
from invenicum.api.throttling import OutgoingThrottle, SaveThrottle
from invenicum.api.viewsets import ApiViewSet
from invenicum.ids import parse_public_id

from . import api_errors, connection_tests, lookups, previews, registry, services, signing_secrets
from .serializers import (
    ActiveSerializer,
    ConnectorSerializer,
    IntegrationSerializer,
    PausedOrResumedSerializer,
    PreviewedSerializer,
    PreviewSerializer,
    RotatedSecretSerializer,
    SavedIntegrationSerializer,
    SaveIntegrationSerializer,
    SigningSecretSerializer,
    StatusesSerializer,
    TestedSerializer,
    TestIntegrationSerializer,
    described_by_type,
)

TYPE_PARAMETER = OpenApiParameter(
    "integration_type", str, "path", description="One of the types that `GET /connectors` lists, for example `slack`."
)


EVENT_PARAMETER = OpenApiParameter(
    "event",
    {"type": "string", "pattern": "^evt_[0-9a-fA-F]{32}$"},
    description="The id of one of your events; without it, an example of the specification.",
)
READ_EVENTS = "deliveries:read"
CHANGES = ("create", "partial_update", "destroy", "rotate_secret")


class IntegrationApiViewSet(ApiViewSet):
    """Base of the viewsets whose services work on an integration, in this app and in those above it.

    It answers their exceptions, and refuses an unknown type in the address before the body is read. A route
    whose address has no `integration_type` sets the attribute of that name before it calls a service that talks to the
    outside.
    """

    required_scopes: str | dict[str, str] = {
        "GET": "integrations:read",
        "POST": "integrations:write",
        "PATCH": "integrations:write",
        "DELETE": "integrations:write",
    }
    lookup_url_kwarg = "integration_type"
    never_cached = True
    integration_type: str | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.integration_type = kwargs.get("integration_type")
        super().initial(request, *args, **kwargs)
        if self.integration_type is not None:
            registry.get(self.integration_type)

    def api_error(self, error: Exception) -> ApiError | None:
        return api_errors.api_error(error, self.integration_type) or super().api_error(error)


@extend_schema_view(
    retrieve=extend_schema(parameters=[TYPE_PARAMETER]),
    partial_update=extend_schema(parameters=[TYPE_PARAMETER]),
    destroy=extend_schema(parameters=[TYPE_PARAMETER]),
    secret=extend_schema(parameters=[TYPE_PARAMETER]),
    rotate_secret=extend_schema(parameters=[TYPE_PARAMETER]),
)
class IntegrationViewSet(IntegrationApiViewSet):
    """The caller's own integrations, at most one of each type."""

    serializer_class = IntegrationSerializer

    def get_throttles(self) -> list[BaseThrottle]:
        """Each change has consequences: a job at the provider, and a configuration that every worker reads again."""
        return [SaveThrottle()] if self.action in CHANGES else super().get_throttles()

    @extend_schema(
        operation_id="saveIntegration",
        summary="Save an integration",
        request=PolymorphicProxySerializer(
            "SaveIntegration", lambda: described_by_type(SaveIntegrationSerializer), resource_type_field_name="type"
        ),
        responses={200: done_of(SavedIntegrationSerializer), 404: Error},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Creates or replaces it. A secret that is blank or absent keeps its stored value, unless a field that decides
        where it is sent has changed.

        Text is understood where a field is a list (`push, release`), an object (JSON text), a boolean or a number."""
        values = self._read_configuration(request, SaveIntegrationSerializer)
        saved = services.save_integration(
            current_user(request), values["type"], values["config"], is_active=values.get("is_active")
        )
        return self.done(_sentence(values["type"], "saved"), saved, SavedIntegrationSerializer)

    @extend_schema(
        operation_id="testIntegration",
        summary="Test a configuration without saving it",
        request=PolymorphicProxySerializer(
            "TestIntegration", lambda: described_by_type(TestIntegrationSerializer), resource_type_field_name="type"
        ),
        responses={200: TestedSerializer, 404: Error},
    )
    @action(detail=False, methods=["post"], throttle_classes=[OutgoingThrottle])
    def test(self, request: Request) -> Response:
        """Asks the service. Blank or absent secrets are those stored, and text is understood, as when saving."""
        values = self._read_configuration(request, TestIntegrationSerializer)
        result = connection_tests.test_connection(current_user(request), values["type"], values["config"])
        return Response(self.write(result, TestedSerializer))

    @extend_schema(
        operation_id="readStatuses", summary="Which integrations are active", responses=answer_of(StatusesSerializer)
    )
    @action(detail=False)
    def status(self, request: Request) -> Response:
        """Each integration type, and whether you have an active integration of it."""
        owner = current_user(request).pk
        return self.answer(lookups.statuses(lookups.active_types({owner}).get(owner, ())), StatusesSerializer)

    @extend_schema(
        operation_id="readIntegration",
        summary="One integration, without its secrets",
        responses=answer_of(IntegrationSerializer),
    )
    def retrieve(self, request: Request, integration_type: str) -> Response:
        """Your integration of this type. `secrets` says which secrets are stored."""
        return self.answer(lookups.find(current_user(request), integration_type))

    @extend_schema(
        operation_id="pauseOrResumeIntegration",
        summary="Pause or resume an integration",
        request=ActiveSerializer,
        responses=answer_of(PausedOrResumedSerializer),
    )
    def partial_update(self, request: Request, integration_type: str) -> Response:
        """Deliveries of a paused integration wait until it is resumed. It then misses events: `missed` says how many
        when it is active again, and `POST /integrations/:type/backfill` sends them."""
        is_active = self.read(request.data, ActiveSerializer)["is_active"]
        integration = services.set_active(current_user(request), integration_type, is_active)
        return self.answer(integration, PausedOrResumedSerializer)

    @extend_schema(
        operation_id="deleteIntegration",
        summary="Delete an integration and its credentials",
        responses={200: DoneSerializer},
    )
    def destroy(self, request: Request, integration_type: str) -> Response:
        """Erases it here, revokes its credentials at the provider if possible, and cancels its deliveries."""
        services.delete_integration(current_user(request), integration_type)
        return self.done(_sentence(integration_type, "deleted"))

    @extend_schema(
        operation_id="readSigningSecret",
        summary="The secret that signs what is sent",
        responses=answer_of(SigningSecretSerializer),
    )
    # Who can read the secret can sign as this service: reading it takes the scope for writing.
    @action(detail=True, required_scopes="integrations:write")
    def secret(self, request: Request, integration_type: str) -> Response:
        """Receivers verify signatures with it."""
        secret = signing_secrets.signing_secret(current_user(request), integration_type)
        return self.answer({"signing_secret": secret}, SigningSecretSerializer)

    @extend_schema(
        operation_id="rotateSigningSecret",
        summary="Make a new signing secret",
        request=None,
        responses=answer_of(RotatedSecretSerializer),
    )
    @action(detail=True, methods=["post"], url_path="secret/rotate")
    @idempotent
    def rotate_secret(self, request: Request, integration_type: str) -> Response:
        """The old secret signs too until `previousValidUntil`, so that receivers can be changed meanwhile."""
        secret, until = signing_secrets.rotate_signing_secret(current_user(request), integration_type)
        return self.answer({"signing_secret": secret, "previous_valid_until": until}, RotatedSecretSerializer)

    @extend_schema(
        operation_id="previewIntegration",
        summary="What the service would be sent",
        parameters=[TYPE_PARAMETER, EVENT_PARAMETER],
        responses=answer_of(PreviewedSerializer),
    )
    @action(detail=True)
    def preview(self, request: Request, integration_type: str) -> Response:
        """The request that your integration would send for a sample event, or for one of your own. Nothing is sent."""
        found = previews.preview_saved(current_user(request), integration_type, _event_of(request))
        return self.answer(found, PreviewedSerializer)

    @extend_schema(
        operation_id="previewConfiguration",
        summary="What a service would be sent with a configuration",
        parameters=[TYPE_PARAMETER, EVENT_PARAMETER],
        request=PreviewSerializer,
        responses=answer_of(PreviewedSerializer),
    )
    @preview.mapping.post
    def preview_configuration(self, request: Request, integration_type: str) -> Response:
        """The same for a configuration that is not saved. Blank or absent secrets are those stored."""
        config = self.read(request.data, PreviewSerializer)["config"]
        found = previews.preview(current_user(request), integration_type, config, _event_of(request))
        return self.answer(found, PreviewedSerializer)

    def _read_configuration(self, request: Request, serializer: type[TestIntegrationSerializer]) -> dict[str, Any]:
        values = self.read(request.data, serializer)
        self.integration_type = values["type"]
        return values


class ConnectorViewSet(IntegrationApiViewSet):
    """The integration types."""

    serializer_class = ConnectorSerializer
    pagination_class = OnePagePagination

    @extend_schema(
        operation_id="listConnectors",
        summary="The integration types",
        responses=page_of(ConnectorSerializer),
    )
    def list(self, request: Request) -> Response:
        """All connectors, each with the JSON Schema of its configuration."""
        return self.page(registry.all_connectors())

    @extend_schema(
        operation_id="readConnector",
        summary="One integration type",
        parameters=[TYPE_PARAMETER],
        responses=answer_of(ConnectorSerializer),
    )
    def retrieve(self, request: Request, integration_type: str) -> Response:
        """One connector, with the JSON Schema of its configuration."""
        return self.answer(registry.get(integration_type))


def _event_of(request: Request) -> str | None:
    """The id in `?event=`. Its data is shown, so the token needs the scope to read deliveries."""
    event_id: str | None = request.query_params.get("event")
    if event_id is not None and parse_public_id("evt", event_id) is None:
        raise invalid({"event": ["must be the id of an event"]})
    if event_id is not None and READ_EVENTS not in current_access(request).scopes:
        raise PermissionDenied(f"To preview an event, the token needs the scope {READ_EVENTS}")
    return event_id


def _sentence(integration_type: str, verb: str) -> str:
    return f"{registry.get(integration_type).name} integration {verb} successfully"

"""The integrations API, described for OpenAPI. The configurations' schemas come from the connectors' declarations."""

from typing import Any, Literal

from drf_spectacular.utils import extend_schema

from invenicum.api.openapi import Answer, Error, PageAnswer, Shape

from . import registry
from .core.connector import Connector


class Done(Shape):
    success: Literal[True]
    message: str


class Saved(Shape):
    type: str
    is_active: bool
    created_at: str
    signing_secret: str | None = None


class SavedAnswer(Done):
    data: Saved


class Tested(Done):
    metadata: dict[str, Any]


class IntegrationShape(Shape):
    type: str
    config: dict[str, Any]
    is_active: bool
    created_at: str
    last_sync: str | None
    status: Literal["active", "paused", "disabled", "needs_reconnect"]
    status_reason: str | None
    account: str | None
    inbound_url: str | None
    secrets: dict[str, bool]


class Statuses(Shape):
    data: dict[str, bool]


class SigningSecret(Shape):
    signing_secret: str


class RotatedSecret(SigningSecret):
    previous_valid_until: str


class ConnectorShape(Shape):
    type: str
    name: str
    category: Literal["storage", "version_control", "communication", "analytics", "custom"]
    description: str
    oauth: bool
    config_schema: dict[str, Any]
    secret_fields: list[str]
    events: list[str]


def _configuration_of(connector: type[Connector], extra: dict[str, Any]) -> dict[str, Any]:
    config = connector.Config.json_schema()
    config.pop("title", None)
    return {
        "type": "object",
        "title": connector.name,
        "required": ["type", "config"],
        "properties": {"type": {"const": connector.type, "type": "string"}, "config": config, **extra},
    }


def _any_configuration(**extra: Any) -> dict[str, Any]:
    return {"application/json": {"oneOf": [_configuration_of(connector, extra) for connector in registry.CONNECTORS]}}


status_schema = extend_schema(operation_id="readStatuses", summary="Which integrations are active", responses=Statuses)
save_schema = extend_schema(
    operation_id="saveIntegration",
    summary="Save an integration",
    description="Creates or replaces it. A secret that is blank or absent keeps its stored value, unless a field "
    "that decides where it is sent has changed.",
    request=_any_configuration(isActive={"type": ["boolean", "null"]}),
    responses={200: SavedAnswer, 404: Error},
)
test_schema = extend_schema(
    operation_id="testIntegration",
    summary="Test a configuration without saving it",
    request=_any_configuration(),
    responses={200: Tested, 404: Error},
)
read_schema = extend_schema(
    operation_id="readIntegration", summary="One integration, without its secrets", responses=Answer[IntegrationShape]
)
active_schema = extend_schema(
    operation_id="pauseOrResumeIntegration",
    summary="Pause or resume an integration",
    request={
        "application/json": {
            "type": "object",
            "required": ["isActive"],
            "properties": {"isActive": {"type": "boolean"}},
            "additionalProperties": False,
        }
    },
    responses=Answer[IntegrationShape],
)
delete_schema = extend_schema(
    operation_id="deleteIntegration", summary="Delete an integration and its credentials", responses={200: Done}
)
secret_schema = extend_schema(
    operation_id="readSigningSecret", summary="The secret that signs what is sent", responses=Answer[SigningSecret]
)
rotate_schema = extend_schema(
    operation_id="rotateSigningSecret",
    summary="Make a new signing secret",
    request=None,
    responses=Answer[RotatedSecret],
)
catalog_schema = extend_schema(
    operation_id="listConnectors", summary="The kinds of integration there are", responses=PageAnswer[ConnectorShape]
)
connector_schema = extend_schema(
    operation_id="readConnector", summary="One kind of integration", responses=Answer[ConnectorShape]
)

"""What the integrations API reads and writes."""

from __future__ import annotations

from typing import Any

from rest_framework.serializers import SerializerMethodField

from invenicum.api.envelopes import DoneSerializer
from invenicum.api.serializers import (
    BooleanField,
    ChoiceField,
    ConstantField,
    IntegerField,
    ObjectField,
    StrictSerializer,
    TextField,
    TimestampField,
)
from invenicum.events.names import ASSET_EVENTS

from . import lookups, registry
from .core.connector import Category, Connector
from .models import Integration

INTEGRATION_STATUSES = tuple(Integration.Status.values)


class ConfigField(ObjectField):
    """An integration's configuration: an object, which the service has the connector's pydantic `Config` validate.

    A field could not: which secrets may be absent depends on what is stored and on whether OAuth connected it.
    `connector`: whose configuration it is; the OpenAPI document then shows its schema, as `SlackConfig`.
    """

    def __init__(self, connector: type[Connector] | None = None, **options: Any):
        super().__init__(**options)
        self.connector = connector
        self.component_name = f"{connector.__name__}Config" if connector else None

    def json_schema(self) -> dict[str, Any]:
        if self.connector is None:
            return super().json_schema()
        schema = self.connector.Config.json_schema() | {"description": f"How {self.connector.name} is connected."}
        del schema["title"]  # generators of clients would name the type by it
        return schema


class TestIntegrationSerializer(StrictSerializer):
    """A configuration to test. The app may send its whole model: its other fields are ignored."""

    ignores_unknown_fields = True

    type = TextField()
    config = ConfigField()


class SaveIntegrationSerializer(TestIntegrationSerializer):
    """A configuration to save."""

    is_active = BooleanField(required=False, allow_null=True)


def described_by_type(serializer: type[TestIntegrationSerializer]) -> list[type[StrictSerializer]]:
    """One of the two serializers above for each connector, with the schema of its configuration.

    They describe the request in the OpenAPI document, for example as `SaveSlackRequest`, and read nothing.
    """
    return [_described(serializer, connector) for connector in registry.CONNECTORS]


def _described(serializer: type[TestIntegrationSerializer], connector: type[Connector]) -> type[StrictSerializer]:
    name = serializer.__name__.replace("Integration", connector.__name__)
    fields = {"type": ConstantField(connector.type), "config": ConfigField(connector)}
    return type(name, (serializer,), {**fields, "__doc__": serializer.__doc__})


class TestedSerializer(DoneSerializer):
    """A connection that works: a sentence, and facts about the other side."""

    metadata = ObjectField()


class PreviewSerializer(StrictSerializer):
    """A configuration to preview. The app may send its whole model: its other fields are ignored."""

    ignores_unknown_fields = True

    config = ConfigField()


class PreviewedRequestSerializer(StrictSerializer):
    """A request, with `•••` in place of secrets and of signatures."""

    method = TextField()
    url = TextField()
    headers = ObjectField(values={"type": "string"})
    body = TextField()


class PreviewedSerializer(StrictSerializer):
    """An event, and the first request that would change something at the service; null if nothing would be sent."""

    event = TextField()
    event_id = TextField(allow_null=True)
    request = PreviewedRequestSerializer(allow_null=True)


class MissedSerializer(StrictSerializer):
    """How many events an integration has missed since it stopped; `since` is null if it was never active before.

    If `isExact` is false, there are more. `POST /integrations/:type/backfill` sends them.
    """

    count = IntegerField()
    is_exact = BooleanField()
    since = TimestampField(allow_null=True)


class SavedIntegrationSerializer(StrictSerializer):
    """What was saved. The signing secret, or the public key of a private one, is shown if it is made for a new one.

    `missed` is there if the integration has become active by this.
    """

    optional_in_answers = frozenset({"signingSecret", "missed"})

    type = TextField(source="integration.type")
    is_active = BooleanField(source="integration.is_active")
    created_at = TimestampField(source="integration.created_at")
    signing_secret = TextField()
    missed = MissedSerializer(source="integration.missed")


class IntegrationSerializer(StrictSerializer):
    """An integration without its secrets."""

    # The specification's five fields in its order, then those that this service adds.
    type = TextField()
    config = ConfigField(source="shown_config")
    is_active = BooleanField()
    created_at = TimestampField()
    last_sync = TimestampField(allow_null=True)
    status = ChoiceField(INTEGRATION_STATUSES, component_name="IntegrationStatus")
    status_reason = TextField(blank_as_null=True)
    account = TextField(blank_as_null=True)
    inbound_url = SerializerMethodField()
    secrets = ObjectField(values={"type": "boolean"}, source="secret_presence")

    def get_inbound_url(self, integration: Integration) -> str | None:
        return lookups.inbound_url(integration)


class PausedOrResumedSerializer(IntegrationSerializer):
    """An integration without its secrets, and if it has become active by this, what it missed meanwhile."""

    optional_in_answers = frozenset({"missed"})

    missed = MissedSerializer()


class ActiveSerializer(StrictSerializer):
    """Whether an integration is to run."""

    is_active = BooleanField()


class StatusesSerializer(StrictSerializer):
    """Each integration type, and whether the caller has an active integration of it."""

    def get_fields(self) -> dict[str, Any]:
        return {connector.type: BooleanField() for connector in registry.CONNECTORS}


class SigningSecretSerializer(StrictSerializer):
    """What verifies what is sent: the signing secret `whsec_…`, or the public key `whpk_…` of a private one."""

    signing_secret = TextField()


class RotatedSecretSerializer(SigningSecretSerializer):
    """The same of the new secret, and the time until which the old one signs beside it."""

    previous_valid_until = TimestampField()


class ConnectorSerializer(StrictSerializer):
    """A connector, as the catalog shows it."""

    type = TextField()
    name = TextField()
    category = ChoiceField(tuple(category.value for category in Category), component_name="ConnectorCategory")
    description = TextField()
    oauth = SerializerMethodField()
    config_schema = ObjectField(source="Config.json_schema")
    secret_fields = SerializerMethodField()
    events = SerializerMethodField()

    def get_oauth(self, connector: Connector) -> bool:
        return connector.oauth is not None

    def get_secret_fields(self, connector: Connector) -> list[str]:
        return [fact.alias for fact in connector.Config.facts() if fact.secret and not fact.internal]

    def get_events(self, connector: Connector) -> list[str]:
        return list(ASSET_EVENTS)

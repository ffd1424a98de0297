"""What the routes of an authorization answer."""

from typing import Any

from integrations.models import Integration
from invenicum.api.serializers import BooleanField, DoneSerializer, StrictSerializer, TextField


class BegunSerializer(StrictSerializer):
    """An authorization has begun: the browser goes to `authorizationUrl`, which carries `state`."""

    authorization_url = TextField()
    state = TextField()


class ConnectionSerializer(StrictSerializer):
    """A connected integration, and the account that it is connected to if the service names it."""

    type = TextField()
    is_active = BooleanField()
    account = TextField(allow_null=True)

    def to_representation(self, integration: Integration) -> dict[str, Any]:
        return {**super().to_representation(integration), "account": integration.account or None}


class ConnectedAnswerSerializer(DoneSerializer):
    """The end of an authorization."""

    data = ConnectionSerializer(source="integration")  # type: ignore[assignment]

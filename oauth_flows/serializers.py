"""What the routes of an authorization answer."""

from invenicum.api.serializers import BooleanField, StrictSerializer, TextField


class BegunSerializer(StrictSerializer):
    """An authorization has begun: the browser goes to `authorizationUrl`, which carries `state`."""

    authorization_url = TextField()
    state = TextField()


class ConnectionSerializer(StrictSerializer):
    """A connected integration, and the account that it is connected to if the service names it."""

    type = TextField()
    is_active = BooleanField()
    account = TextField(blank_as_null=True)

"""What the routes of an authorization read and answer."""

from integrations.serializers import MissedSerializer
from invenicum.api.serializers import BooleanField, StrictSerializer, TextField, TimestampField


class BegunSerializer(StrictSerializer):
    """An authorization has begun: the browser goes to `authorizationUrl`, which carries `state`."""

    authorization_url = TextField()
    state = TextField()


class StartSerializer(StrictSerializer):
    """`returnUrl` is where the browser goes in the end: its origin or custom scheme must be allowed."""

    return_url = TextField()


class StartedSerializer(StrictSerializer):
    """The app opens `startUrl` in the system's browser, once, before `expiresAt`."""

    start_url = TextField()
    expires_at = TimestampField()


class ConfirmationSerializer(StrictSerializer):
    """`result` is the one-time code that came back to the app's `returnUrl`."""

    result = TextField()


class ConnectionSerializer(StrictSerializer):
    """A connected integration, and the account that it is connected to if the service names it.

    `missed` is there if the integration has become active by this.
    """

    optional_in_answers = frozenset({"missed"})

    type = TextField()
    is_active = BooleanField()
    account = TextField(blank_as_null=True)
    missed = MissedSerializer()

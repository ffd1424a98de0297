"""What a provider is answered."""

from invenicum.api.serializers import StrictSerializer, TextField


class ReceivedHookSerializer(StrictSerializer):
    """The event under which a hook was stored; the same when it is repeated."""

    id = TextField(source="public_id")

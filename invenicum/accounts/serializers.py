"""What the account API writes."""

from invenicum.api.serializers import StrictSerializer, TextField


class RemovedAccountSerializer(StrictSerializer):
    """Which account was removed."""

    id = TextField(source="public_id")

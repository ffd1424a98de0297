"""What the event API reads and writes."""

import re
from typing import Any

from rest_framework.exceptions import ValidationError

from invenicum.accounts.public_ids import PUBLIC_ID, PUBLIC_ID_SAYS
from invenicum.api.serializers import ListField, ObjectField, StrictSerializer, TextField, TimestampField

from .names import ASSET_ID, MAX_ASSET_ID, NAME

MAX_BATCH_EVENTS = 1000

_ASSET_DATA = {
    "required": ["assetId"],
    "properties": {"assetId": {"type": "string", "pattern": ASSET_ID, "minLength": 1, "maxLength": MAX_ASSET_ID}},
}


class NewEventSerializer(StrictSerializer):
    """One event from outside. An event of an asset must name it."""

    event = TextField(
        pattern=rf"^{NAME.pattern}$",
        max_length=100,
        says="must be at most 100 lower-case letters, digits and underscores, separated by dots, "
        "for example report.ready",
    )
    data = ObjectField()  # type: ignore[assignment]
    timestamp = TimestampField(required=False, allow_null=True)
    owner = TextField(
        pattern=PUBLIC_ID,
        required=False,
        allow_null=True,
        says=PUBLIC_ID_SAYS,
    )

    request_schema = {
        "if": {"properties": {"event": {"pattern": r"^asset\."}}},
        "then": {"properties": {"data": _ASSET_DATA}},
    }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["event"].startswith("asset.") and not is_asset_id(attrs["data"].get("assetId")):
            raise ValidationError("data.assetId must be the id of an asset, for example asset-123")
        return attrs


class NewEventsSerializer(StrictSerializer):
    """Up to 1000 events, published all or none."""

    events = ListField(child=NewEventSerializer(), min_length=1, max_length=MAX_BATCH_EVENTS)


class PublishedEventSerializer(StrictSerializer):
    """The id that a published event was given."""

    id = TextField(source="public_id")


class EventSerializer(StrictSerializer):
    """One event as it was published."""

    id = TextField(source="public_id")
    event = TextField(source="name")
    timestamp = TimestampField(source="occurred_at")
    data = ObjectField(source="payload.data")  # type: ignore[assignment]
    created_at = TimestampField()


def is_asset_id(value: Any) -> bool:
    """Whether `value`, of any JSON type, is the id of an asset."""
    return isinstance(value, str) and len(value) <= MAX_ASSET_ID and re.fullmatch(ASSET_ID, value) is not None

"""What the event API reads and writes."""

import re
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.fields import empty

from invenicum.accounts.public_ids import PUBLIC_ID, PUBLIC_ID_SAYS
from invenicum.api.serializers import ListField, ObjectField, StrictSerializer, TextField, TimestampField
from invenicum.timestamps import parse_timestamp

from .names import ASSET_ID, MAX_ASSET_ID, MAX_NAME, NAME

MAX_BATCH_EVENTS = 1000
_ASSET_ID, _PUBLIC_ID = re.compile(ASSET_ID), re.compile(PUBLIC_ID)

_ASSET_DATA = {
    "required": ["assetId"],
    "properties": {"assetId": {"type": "string", "pattern": ASSET_ID, "minLength": 1, "maxLength": MAX_ASSET_ID}},
}


class NewEventSerializer(StrictSerializer):
    """One event from outside. An event of an asset must name it."""

    event = TextField(
        pattern=rf"^{NAME.pattern}$",
        max_length=MAX_NAME,
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

    def run_validation(self, data: Any = empty) -> Any:
        usual = _usual_event(data)
        return super().run_validation(data) if usual is None else usual

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["event"].startswith("asset.") and not is_asset_id(attrs["data"].get("assetId")):
            raise ValidationError("data.assetId must be the id of an asset, for example asset-123")
        return attrs


_EVENT_FIELDS = frozenset({"event", "data", "timestamp", "owner"})


def _usual_event(data: Any) -> dict[str, Any] | None:
    """What the serializer reads of a valid event with none of its fields null, in a tenth of its time; else None.

    A test compares the two.
    """
    if type(data) is not dict or not data.keys() <= _EVENT_FIELDS:
        return None
    name, facts = data.get("event"), data.get("data")
    if type(name) is not str or len(name) > MAX_NAME or not NAME.fullmatch(name) or type(facts) is not dict:
        return None
    if name.startswith("asset.") and not is_asset_id(facts.get("assetId")):
        return None
    found: dict[str, Any] = {"event": name, "data": facts}
    if "timestamp" in data:
        try:
            found["timestamp"] = parse_timestamp(data["timestamp"])
        except ValueError:
            return None
    if "owner" in data:
        owner = data["owner"]
        if type(owner) is not str or not _PUBLIC_ID.fullmatch(owner):
            return None
        found["owner"] = owner
    return found


class NewEventsSerializer(StrictSerializer):
    """Up to 1000 events, published all or none."""

    events = ListField(child=NewEventSerializer(), min_length=1, max_length=MAX_BATCH_EVENTS)


class PublishedEventSerializer(StrictSerializer):
    """The id that a published event was given."""

    id = TextField(source="public_id")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"id": instance.public_id}  # a thousand of them in one answer


class EventSerializer(StrictSerializer):
    """One event as it was published."""

    id = TextField(source="public_id")
    event = TextField(source="name")
    timestamp = TimestampField(source="occurred_at")
    data = ObjectField(source="payload.data")  # type: ignore[assignment]
    created_at = TimestampField()


def is_asset_id(value: Any) -> bool:
    """Whether `value`, of any JSON type, is the id of an asset."""
    return isinstance(value, str) and len(value) <= MAX_ASSET_ID and _ASSET_ID.fullmatch(value) is not None

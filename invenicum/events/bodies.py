"""What `POST /events` takes. Pure."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, WithJsonSchema, model_validator

from invenicum.api.bodies import Body
from invenicum.api.users import PUBLIC_USER_ID

from .names import ASSET_ID, MAX_ASSET_ID, NAME

MAX_BATCH = 1000
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def parse_timestamp(value: Any) -> datetime:
    """An RFC 3339 time in UTC. Raises ValueError where `value` is not one."""
    if isinstance(value, str) and RFC_3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("must be an RFC 3339 time, for example 2026-03-07T10:30:00Z")


Timestamp = Annotated[
    datetime, BeforeValidator(parse_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})
]
_ASSET_DATA: Any = {
    "required": ["assetId"],
    "properties": {"assetId": {"type": "string", "pattern": ASSET_ID, "minLength": 1, "maxLength": MAX_ASSET_ID}},
}


class NewEvent(Body):
    """One event from outside. An event of an asset must say which."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"event": {"pattern": r"^asset\."}}},
            "then": {"properties": {"data": _ASSET_DATA}},
        }
    )

    event: Annotated[str, Field(pattern=rf"^{NAME.pattern}$", max_length=100)]
    data: dict[str, Any]
    timestamp: Timestamp | None = None
    owner: Annotated[str, Field(pattern=rf"^{PUBLIC_USER_ID.pattern}$")] | None = None

    @model_validator(mode="after")
    def _names_its_asset(self) -> Self:
        asset_id = self.data.get("assetId")
        if self.event.startswith("asset.") and not is_asset_id(asset_id):
            raise ValueError("data.assetId must be the id of an asset, for example asset-123")
        return self


class NewEvents(Body):
    """Up to 1000 events, published all or none."""

    events: Annotated[list[NewEvent], Field(min_length=1, max_length=MAX_BATCH)]


class Publication(RootModel[NewEvent | NewEvents]):
    """One event, or several."""


def is_asset_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_ASSET_ID and re.fullmatch(ASSET_ID, value) is not None

"""What `POST /events` takes. Pure."""

import re
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, RootModel, model_validator

from invenicum.accounts.users import PUBLIC_USER_ID
from invenicum.api.bodies import Body, Says, Timestamp

from .names import ASSET_ID, MAX_ASSET_ID, NAME

MAX_BATCH = 1000


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

    event: Annotated[
        str,
        Field(pattern=rf"^{NAME.pattern}$", max_length=100),
        Says(
            "must be at most 100 lower-case letters, digits and underscores, parted by dots, for example report.ready"
        ),
    ]
    data: dict[str, Any]
    timestamp: Timestamp | None = None
    owner: (
        Annotated[
            str,
            Field(pattern=rf"^{PUBLIC_USER_ID.pattern}$"),
            Says("must be the id of a user, for example user-456"),
        ]
        | None
    ) = None

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

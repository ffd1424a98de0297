"""What is said of an asset: its JSON document, and the events that its changes are. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invenicum.accounts.users import public_user_id
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED, ASSET_UPDATED
from invenicum.timestamps import format_timestamp


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An asset as it stood at one moment."""

    owner_id: int
    asset_id: str
    name: str
    category: str
    tags: tuple[str, ...]
    url: str
    created_by: int  # the owner where nobody is known
    created_at: datetime
    updated_at: datetime

    def document(self) -> dict[str, Any]:
        """The whole asset, as the API shows it and as storage and Git platforms keep it."""
        return {
            "assetId": self.asset_id,
            "name": self.name,
            "category": self.category,
            "tags": list(self.tags),
            "url": self.url,
            "createdBy": public_user_id(self.created_by),
            "createdAt": format_timestamp(self.created_at),
            "updatedAt": format_timestamp(self.updated_at),
        }


@dataclass(frozen=True, slots=True)
class News:
    """One event to publish: its name, the spec's payload, and the asset it is about."""

    name: str
    data: dict[str, Any]
    asset: Snapshot


def news(before: Snapshot | None, after: Snapshot | None, actor: int | None) -> list[News]:
    """What a change from `before` to `after` means to the outside; `actor` made it, or the owner where it is None."""
    if before is not None and after is not None and _identity(before) == _identity(after):
        changes = changed(before, after)
        return [_updated(after, changes, actor)] if changes else []
    # To receivers, an asset that moves to another id or owner is one that goes and one that comes.
    gone = [_deleted(before, actor)] if before else []
    come = [_created(after)] if after else []
    return gone + come


def changed(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """The spec's `changes`: only what differs."""
    changes: dict[str, Any] = {}
    for field in ("name", "category", "url"):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            changes[field] = {"old": old, "new": new}
    added = [tag for tag in after.tags if tag not in before.tags]
    removed = [tag for tag in before.tags if tag not in after.tags]
    if added or removed:
        changes["tags"] = {"added": added, "removed": removed}
    return changes


def _created(asset: Snapshot) -> News:
    data = {
        "assetId": asset.asset_id,
        "name": asset.name,
        "category": asset.category,
        "createdBy": public_user_id(asset.created_by),
        "url": asset.url,
    }
    return News(ASSET_CREATED, data, asset)


def _updated(asset: Snapshot, changes: dict[str, Any], actor: int | None) -> News:
    data = {"assetId": asset.asset_id, "changes": changes, "updatedBy": _actor(asset, actor)}
    return News(ASSET_UPDATED, data, asset)


def _deleted(asset: Snapshot, actor: int | None) -> News:
    return News(
        ASSET_DELETED, {"assetId": asset.asset_id, "name": asset.name, "deletedBy": _actor(asset, actor)}, asset
    )


def _actor(asset: Snapshot, actor: int | None) -> str:
    return public_user_id(asset.owner_id if actor is None else actor)


def _identity(asset: Snapshot) -> tuple[int, str]:
    return asset.owner_id, asset.asset_id

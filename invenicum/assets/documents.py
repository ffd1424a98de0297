"""An asset's JSON document, and the events that its changes mean. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invenicum.events.names import ASSET_CREATED, ASSET_DELETED, ASSET_UPDATED
from invenicum.timestamps import format_timestamp


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An asset as it was at one time."""

    owner_id: int  # a primary key: never shown
    owner: str  # a public id, as `user-456`
    asset_id: str
    name: str
    category: str
    tags: tuple[str, ...]
    url: str
    created_by: str  # the owner if it is not known
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
            "createdBy": self.created_by,
            "createdAt": format_timestamp(self.created_at),
            "updatedAt": format_timestamp(self.updated_at),
        }


@dataclass(frozen=True, slots=True)
class AssetEvent:
    """An event to publish: its name, the payload as the specification has it, and the asset as it was then."""

    name: str
    data: dict[str, Any]
    asset: Snapshot


def events_of(before: Snapshot | None, after: Snapshot | None, actor: str | None) -> list[AssetEvent]:
    """The events that a change from `before` to `after` means.

    None for `before` is a new asset, None for `after` a deleted one. `actor` is the public id of the user who
    made the change; None means the owner.
    """
    if before is not None and after is not None and _identity(before) == _identity(after):
        changes = changed(before, after)
        return [_updated(after, changes, actor)] if changes else []
    # For receivers, an asset that gets another id or owner is deleted and another one is created.
    deleted = [_deleted(before, actor)] if before else []
    created = [_created(after)] if after else []
    return deleted + created


def changed(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """The `changes` of the specification's asset.updated: only what differs."""
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


def _created(asset: Snapshot) -> AssetEvent:
    data = {
        "assetId": asset.asset_id,
        "name": asset.name,
        "category": asset.category,
        "createdBy": asset.created_by,
        "url": asset.url,
    }
    return AssetEvent(ASSET_CREATED, data, asset)


def _updated(asset: Snapshot, changes: dict[str, Any], actor: str | None) -> AssetEvent:
    data = {"assetId": asset.asset_id, "changes": changes, "updatedBy": _actor(asset, actor)}
    return AssetEvent(ASSET_UPDATED, data, asset)


def _deleted(asset: Snapshot, actor: str | None) -> AssetEvent:
    return AssetEvent(
        ASSET_DELETED, {"assetId": asset.asset_id, "name": asset.name, "deletedBy": _actor(asset, actor)}, asset
    )


def _actor(asset: Snapshot, actor: str | None) -> str:
    return actor or asset.owner


def _identity(asset: Snapshot) -> tuple[int, str]:
    return asset.owner_id, asset.asset_id

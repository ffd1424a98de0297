"""What callers do with assets. The model publishes the events."""

from typing import Any

from django.db import IntegrityError, transaction

from invenicum.accounts.models import User

from .actor import acting_as
from .models import Asset


class AssetExists(Exception):
    """The owner already has an asset of that id."""


def create_asset(owner: User, values: dict[str, Any]) -> Asset:
    """Creates an asset of `owner`.

    `values`: model fields, at least `name`. Raises AssetExists if the owner has one of that id.
    """
    try:
        with acting_as(owner), transaction.atomic():
            return Asset.objects.create(owner=owner, created_by=owner, **values)
    except IntegrityError:
        raise AssetExists from None


def change_asset(owner: User, asset_id: str, values: dict[str, Any]) -> Asset:
    """Writes the given model fields and no others. Raises Asset.DoesNotExist."""
    with acting_as(owner), transaction.atomic():
        asset = Asset.objects.select_for_update().get(owner=owner, asset_id=asset_id)
        for field, value in values.items():
            setattr(asset, field, value)
        if values:
            asset.save(update_fields=[*values, "updated_at"])
    return asset


def delete_asset(owner: User, asset_id: str) -> None:
    """Deletes the asset. Raises Asset.DoesNotExist."""
    with acting_as(owner), transaction.atomic():
        Asset.objects.select_for_update().get(owner=owner, asset_id=asset_id).delete()

"""What callers do with assets. The model publishes the events."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet

from invenicum.accounts.models import User
from invenicum.events import intake
from invenicum.metering import Estimate
from invenicum.per_process import PerProcess
from invenicum.quotas import ASSETS, QuotaExceeded

from .actor import acting_as
from .models import Asset


def count_of(owner_id: int) -> int:
    """How many assets an owner has."""
    return Asset.objects.filter(owner=owner_id).count()


def owners_of(count: float) -> QuerySet[Asset, int]:
    """The primary keys of owners who have at least `count` assets."""
    counted = Asset.objects.order_by().values("owner").annotate(count=Count("pk"))
    return counted.filter(count__gte=math.ceil(count)).values_list("owner", flat=True)


_stored = PerProcess(lambda: Estimate(ASSETS, count_of))


class AssetExists(Exception):
    """The owner already has an asset of that id."""


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The model fields that a request gives: null is as if a field was absent."""
    return {name: value for name, value in fields.items() if value is not None}


def create_asset(owner: User, values: dict[str, Any]) -> Asset:
    """Creates an asset of `owner`.

    `values`: model fields, at least `name`. Raises AssetExists if the owner has one of that id, or QuotaExceeded.
    """
    _admit(owner)
    try:
        with acting_as(owner), transaction.atomic():
            asset = Asset.objects.create(owner=owner, created_by=owner, **values)
    except IntegrityError:
        raise AssetExists from None
    _stored.get().add(owner.pk, 1)
    return asset


def create_assets(wanted: Sequence[tuple[User, dict[str, Any]]]) -> list[Asset | None]:
    """Creates many assets as `create_asset` does, in one transaction, with a fixed number of statements.

    `wanted`: owner and model fields of each. Returns the assets in the same order; None for one that is refused,
    because its owner has one of that id or is at a quota.
    """
    with transaction.atomic(savepoint=False):
        taken = _taken_ids(wanted)
        created: list[Asset | None] = []
        for owner, values in wanted:
            key = (owner.pk, values.get("asset_id"))
            is_refused = key in taken or not _may_create(owner)
            created.append(None if is_refused else Asset(owner=owner, created_by=owner, **values))
            if key[1] is not None:
                taken.add(key)
        Asset.objects.bulk_create([asset for asset in created if asset])
    for asset in created:
        if asset:
            _stored.get().add(asset.owner_id, 1)
    return created


def _taken_ids(wanted: Sequence[tuple[User, dict[str, Any]]]) -> set[tuple[int, str | None]]:
    """Of the ids that are wanted, with their owners, those that exist."""
    ids = {values["asset_id"] for _, values in wanted if "asset_id" in values}
    if not ids:
        return set()
    owners = {owner.pk for owner, values in wanted if "asset_id" in values}
    return set(Asset.objects.filter(owner__in=owners, asset_id__in=ids).values_list("owner", "asset_id"))


def _may_create(owner: User) -> bool:
    try:
        _admit(owner)
    except QuotaExceeded:
        return False
    return True


def _admit(owner: User) -> None:
    """Raises QuotaExceeded if the owner may not create an asset now."""
    _stored.get().check(owner.pk, 1)
    intake.admit({owner.pk: 1})


def change_asset(owner: User, asset_id: str, values: dict[str, Any]) -> Asset:
    """Writes the given model fields and no others. Raises Asset.DoesNotExist or QuotaExceeded."""
    intake.admit({owner.pk: 1})
    with acting_as(owner), transaction.atomic():
        asset = Asset.objects.select_for_update().get(owner=owner, asset_id=asset_id)
        for field, value in values.items():
            setattr(asset, field, value)
        if values:
            asset.save(update_fields=[*values, "updated_at"])
    return asset


def delete_asset(owner: User, asset_id: str) -> None:
    """Deletes the asset. Raises Asset.DoesNotExist or QuotaExceeded."""
    intake.admit({owner.pk: 1})
    with acting_as(owner), transaction.atomic():
        Asset.objects.select_for_update().get(owner=owner, asset_id=asset_id).delete()

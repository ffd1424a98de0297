"""What callers do with assets. The model publishes the events."""

import math
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet

from invenicum.accounts.models import User
from invenicum.events import intake
from invenicum.metering import Estimate
from invenicum.per_process import PerProcess
from invenicum.quotas import ASSETS

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


def create_asset(owner: User, values: dict[str, Any]) -> Asset:
    """Creates an asset of `owner`.

    `values`: model fields, at least `name`. Raises AssetExists if the owner has one of that id, or QuotaExceeded.
    """
    _stored.get().check(owner.pk, 1)
    intake.admit({owner.pk: 1})
    try:
        with acting_as(owner), transaction.atomic():
            asset = Asset.objects.create(owner=owner, created_by=owner, **values)
    except IntegrityError:
        raise AssetExists from None
    _stored.get().add(owner.pk, 1)
    return asset


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

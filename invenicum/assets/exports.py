"""The assets that an owner has, as events that say how they are now."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.publish import Draft, record_snapshots
from invenicum.ids import first_id_at

from .documents import events_of
from .models import Asset


def count_created(owner_id: int, since: datetime, until: datetime) -> int:
    """How many assets the owner has that were created in [`since`, `until`)."""
    return _created(owner_id, since, until).count()


def snapshots_of(owner_id: int, since: datetime, until: datetime, after: UUID, limit: int) -> tuple[list[Event], UUID]:
    """Records snapshots of up to `limit` of these assets, in the order of their ids, beginning after the id `after`.

    Returns the `asset.created` events, and the id of the last asset that was looked at: `after` if none is left. The
    assets are locked until the caller's transaction ends: a change made afterwards is an event with a higher
    `sequence`.
    """
    found = _created(owner_id, since, until).filter(pk__gt=after).order_by("pk")
    keys = list(found.values_list("pk", flat=True)[:limit])
    rows = Asset.objects.with_people().filter(pk__in=keys).order_by("pk")
    assets = [asset.snapshot() for asset in rows.select_for_update(of=("self",), no_key=True)]
    created = [event for asset in assets for event in events_of(None, asset, None)]
    drafts = [Draft(User(pk=owner_id), item.name, item.data, document=item.asset.document()) for item in created]
    return record_snapshots(drafts), keys[-1] if keys else after


def _created(owner_id: int, since: datetime, until: datetime) -> QuerySet[Asset]:
    """An index finds them by the time in their ids, and `created_at` makes it exact."""
    rows = Asset.objects.filter(owner=owner_id, created_at__gte=since, created_at__lt=until)
    return rows.filter(pk__gte=first_id_at(since))

"""Publishing: the only code that creates events."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.timestamps import format_timestamp

from .models import Event
from .numbering import number
from .signals import events_published


@dataclass(frozen=True, slots=True)
class Draft:
    """An event to be published. `occurred_at`: None for now. `document`: as in `Message`."""

    owner: User
    name: str
    data: dict[str, Any]
    occurred_at: datetime | None = None
    document: dict[str, Any] | None = None


def publish(owner: User, name: str, data: dict[str, Any], *, document: dict[str, Any] | None = None) -> Event:
    """Publishes one event in the caller's transaction, so that it exists exactly if the change does."""
    return publish_many([Draft(owner, name, data, document=document)])[0]


def publish_many(drafts: Iterable[Draft]) -> list[Event]:
    """Publishes events in one INSERT. Returns them in the order given."""
    now = timezone.now()
    events = [_event(draft, now) for draft in drafts]
    if events:
        # No savepoint: a change whose event cannot be written must not be kept.
        with transaction.atomic(savepoint=False):
            number(events)
            Event.objects.bulk_create(events)
            events_published.send(sender=Event, events=events)
    return events


def _event(draft: Draft, now: datetime) -> Event:
    occurred_at = (draft.occurred_at or now).astimezone(UTC).replace(microsecond=0)
    body = {"event": draft.name, "timestamp": format_timestamp(occurred_at), "data": draft.data}
    return Event(
        owner_id=draft.owner.pk,
        name=draft.name,
        subject=_subject(draft.data),
        occurred_at=occurred_at,
        created_at=now,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
        document=draft.document,
    )


def _subject(data: dict[str, Any]) -> str:
    asset_id = data.get("assetId")
    return asset_id if isinstance(asset_id, str) and len(asset_id) <= 100 else ""

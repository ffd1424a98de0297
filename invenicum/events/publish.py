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

from .insertion import insert
from .models import Event
from .signals import events_published

# Of the body as it is sent. What an asset or a hook can become stays below.
MAX_EVENT_BYTES = 256 * 1024


class EventsTooLarge(Exception):
    """Some events are larger than MAX_EVENT_BYTES. `sizes`: index in the list → bytes."""

    def __init__(self, sizes: dict[int, int]):
        super().__init__(sizes)
        self.sizes = sizes


@dataclass(frozen=True, slots=True)
class Draft:
    """An event to be published. `occurred_at`: None for now. `document`: as in `Message`."""

    owner: User
    name: str
    data: dict[str, Any]
    occurred_at: datetime | None = None
    document: dict[str, Any] | None = None


def publish(owner: User, name: str, data: dict[str, Any], *, document: dict[str, Any] | None = None) -> Event:
    """Publishes one event in the caller's transaction, so that it exists exactly if the change does.

    Raises EventsTooLarge.
    """
    return publish_many([Draft(owner, name, data, document=document)])[0]


def publish_many(drafts: Iterable[Draft]) -> list[Event]:
    """Publishes all events in one INSERT, or none. Returns them in the order given. Raises EventsTooLarge."""
    now = timezone.now()
    events = [_event(draft, now) for draft in drafts]
    too_large = {place: size for place, event in enumerate(events) if (size := _size_if_too_large(event.body))}
    if too_large:
        raise EventsTooLarge(too_large)
    if events:
        # No savepoint: a change whose event cannot be written must not be kept.
        with transaction.atomic(savepoint=False):
            insert(events)
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


def _size_if_too_large(body: str) -> int:
    """The size in bytes if it is above the limit, else 0. A character has at most four bytes."""
    if len(body) * 4 <= MAX_EVENT_BYTES:
        return 0
    size = len(body.encode())
    return size if size > MAX_EVENT_BYTES else 0


def _subject(data: dict[str, Any]) -> str:
    asset_id = data.get("assetId")
    return asset_id if isinstance(asset_id, str) and len(asset_id) <= 100 else ""

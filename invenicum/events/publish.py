"""Publishing: the only code that creates events."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from invenicum import tracing
from invenicum.accounts.models import User
from invenicum.ids import uuid7
from invenicum.timestamps import format_timestamp

from .insertion import Content, insert, insert_snapshots
from .models import Event
from .signals import events_published

# Of the body as it is sent. What an asset or a hook can become stays below.
MAX_EVENT_BYTES = 256 * 1024


# Name, data, time (None for now) and document, as in `Draft`.
Facts = tuple[str, dict[str, Any], datetime | None, dict[str, Any] | None]

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


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
    drafts = list(drafts)
    contents = write_contents((draft.name, draft.data, draft.occurred_at, draft.document) for draft in drafts)
    return announce([(draft.owner.pk, content) for draft, content in zip(drafts, contents, strict=True)])


def record_snapshots(drafts: Iterable[Draft]) -> list[Event]:
    """Inserts events that say how things are, not what happened: for one integration, so nothing is announced.

    The feed does not have them, and their bodies have `"snapshot": true` beside `data`. In the caller's transaction.
    Returns them in the order given, which is that of their `sequence`. Raises EventsTooLarge.
    """
    drafts = list(drafts)
    contents = write_contents(
        ((draft.name, draft.data, draft.occurred_at, draft.document) for draft in drafts), are_snapshots=True
    )
    return insert_snapshots([(draft.owner.pk, content) for draft, content in zip(drafts, contents, strict=True)])


def write_contents(events: Iterable[Facts], *, are_snapshots: bool = False) -> list[Content]:
    """The contents of events of an owner who may not be known yet, with new ids. Raises EventsTooLarge."""
    now = timezone.now()
    more = {"snapshot": True} if are_snapshots else {}
    contents = [_content(*facts, now, more) for facts in events]
    too_large = {place: size for place, content in enumerate(contents) if (size := _size_if_too_large(content.body))}
    if too_large:
        raise EventsTooLarge(too_large)
    return contents


def announce(contents: Sequence[tuple[int, Content]]) -> list[Event]:
    """Inserts the events, each for the owner with that primary key, and sends `events_published`: all, or nothing."""
    if not contents:
        return []
    # No savepoint: a change whose event cannot be written must not be kept.
    with transaction.atomic(savepoint=False):
        events = insert(contents)
        events_published.send(sender=Event, events=events)
    return events


def _content(
    name: str,
    data: dict[str, Any],
    occurred_at: datetime | None,
    document: dict[str, Any] | None,
    now: datetime,
    more: dict[str, Any],
) -> Content:
    occurred_at = (occurred_at or now).astimezone(UTC).replace(microsecond=0)
    body = {"event": name, "timestamp": format_timestamp(occurred_at), "data": data, **more}
    return Content(uuid7(), name, _subject(data), occurred_at, now, _compact(body), document, tracing.current())


def _size_if_too_large(body: str) -> int:
    """The size in bytes if it is above the limit, else 0. A character has at most four bytes."""
    if len(body) * 4 <= MAX_EVENT_BYTES:
        return 0
    size = len(body.encode())
    return size if size > MAX_EVENT_BYTES else 0


def _subject(data: dict[str, Any]) -> str:
    asset_id = data.get("assetId")
    return asset_id if isinstance(asset_id, str) and len(asset_id) <= 100 else ""

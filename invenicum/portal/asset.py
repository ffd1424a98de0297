"""One asset: how it is, and its whole history with what each event changed and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from invenicum.api.pagination import Cursor
from invenicum.assets.models import Asset
from invenicum.events import history
from invenicum.events.models import Event
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED

from .deliveries import SEE
from .delivery_words import Chip, subject_of
from .document_changes import Change, differences, told
from .events import shown_json, tallies_of
from .pages import portal_page, render
from .visitors import Visitor

PAGE_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of the history. `who`: the account that made the change, empty if that is not known.

    `changes`: what differs from the event before. `payload`: of an event that is no change of a known kind.
    """

    event: Event
    words: str
    who: str
    changes: list[Change]
    chips: list[Chip]
    payload: str = ""


@portal_page(get=SEE)
def show(request: HttpRequest, visitor: Visitor, asset_id: str) -> HttpResponseBase:
    """The history, newest first."""
    if "\0" in asset_id:
        raise Http404
    page = history.of_asset(visitor.user.pk, asset_id, Cursor.decode(request.GET.get("cursor", "")), PAGE_EVENTS)
    asset = None
    if visitor.may("assets:read"):
        asset = Asset.objects.with_people().filter(owner=visitor.user, asset_id=asset_id).first()
    if not page.events and asset is None:
        raise Http404
    name = asset.name if asset else subject_of(page.events[0])
    context = {
        "title": _("History of %(name)s") % {"name": name},
        "name": name,
        "asset_id": asset_id,
        "asset": asset,
        "tags": ", ".join(asset.tags) if asset else "",
        "is_deleted": not asset and page.newer is None and page.events[0].name == ASSET_DELETED,
        "entries": _entries(page, visitor.user.public_id),
        "newer": f"?cursor={page.newer.encode()}" if page.newer else "",
        "older": f"?cursor={page.older.encode()}" if page.older else "",
    }
    return render(request, visitor, "asset", context)


def _entries(page: history.Page, me: str) -> list[Entry]:
    tallies = tallies_of(page.events)
    before: Sequence[Event | None] = [*page.events[1:], page.before]
    return [_entry(event, old, tallies[event.pk], me) for event, old in zip_longest(page.events, before)]


def _entry(event: Event, before: Event | None, chips: list[Chip], me: str) -> Entry:
    data = event.payload.get("data")
    data = data if isinstance(data, dict) else {}
    words = {ASSET_CREATED: _("Created"), ASSET_DELETED: _("Deleted")}.get(event.name, event.name)
    if event.position is None:
        words = _("Sent as it was")
    who = next((str(data[name]) for name in ("updatedBy", "createdBy", "deletedBy") if data.get(name)), "")
    changes = _changes(event, before, data)
    if changes and words == event.name:
        words = _("Changed")
    payload = "" if changes or words != event.name else str(shown_json(event.body))
    return Entry(event, words, _("you") if who == me else who, changes, chips, payload)


def _changes(event: Event, before: Event | None, data: dict[str, object]) -> list[Change]:
    if event.name == ASSET_DELETED:
        return []
    if isinstance(event.document, dict) and before is not None and isinstance(before.document, dict):
        if before.name != ASSET_DELETED and (found := differences(before.document, event.document)):
            return found
    elif event.name == ASSET_CREATED:
        return []
    return told(data.get("changes"))

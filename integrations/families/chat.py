"""The content of a chat message about an event: plain text that each connector writes in its provider's way. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from invenicum.events.message import Message
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED, ASSET_UPDATED, PING

from ..core.texts import one_line

TITLES = {
    ASSET_CREATED: "Asset created",
    ASSET_UPDATED: "Asset updated",
    ASSET_DELETED: "Asset deleted",
    PING: "Invenicum is connected",
}
# `sends` of every chat connector.
CHAT_SENDS = """\
A message for each event in `events`: what happened, the asset's name with a link, what changed from what to what, who
did it and when. Names are escaped, so that no name mentions a person. Events of other kinds, such as `report.ready`,
are shown with their plain values if `events` names them.
"""
NO_VALUE = "—"
MAX_FACTS = 10
MAX_CHANGES = 10
MAX_TEXT_LENGTH = 150
MAX_LINK_LENGTH = 2000
MAX_SOURCE_LENGTH = 5000  # characters of a value that are looked at to show MAX_TEXT_LENGTH of them
MAX_SHOWN_ITEMS = 100  # of a list
MAX_SHOWN_DEPTH = 5  # of lists in lists
MAX_FIELDS_READ = 1000  # of an event, to find those that are shown
# Fields of an event that are shown elsewhere in the message, or not at all.
NOT_FACTS = {
    *("assetId", "name", "title", "url", "changes", "createdBy", "updatedBy", "deletedBy"),
    *("integration", "deliveryId", "truncated"),  # of events that were received as hooks
}
SPELLINGS = {"Github": "GitHub", "Gitlab": "GitLab"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after. For a list: the items removed and the items added."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An event in plain text that is not escaped yet. Unknown parts are empty."""

    title: str
    subject: str
    link: str
    facts: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...]
    actor: str
    occurred_at: datetime

    @property
    def summary(self) -> str:
        """One line, for notifications."""
        return f"{self.title}: {self.subject}" if self.subject else self.title


def notice_for(message: Message) -> Notice:
    """The content of a message about any event, with texts of at most MAX_TEXT_LENGTH characters."""
    data, document = message.data, message.document or {}
    changes = _changes(data.get("changes"))
    new_name = next((change.new for change in changes if change.label == "Name"), None)
    name = data.get("name") or document.get("name") or new_name or data.get("title") or data.get("assetId")
    return Notice(
        title=TITLES.get(message.name) or label(message.name.replace(".", " ")),
        subject="" if name is None else text(name),
        link=_link(data.get("url") or document.get("url")),
        facts=_facts({"category": document.get("category"), **data} if message.name in TITLES else data),
        changes=changes,
        actor=text(next((data[key] for key in ("createdBy", "updatedBy", "deletedBy") if data.get(key)), "")),
        occurred_at=message.occurred_at,
    )


def label(name: str) -> str:
    """A field's name as people write it: `Purchase price` for `purchasePrice` and `purchase_price`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+", " ", name[:MAX_SOURCE_LENGTH]).split()
    first, *rest = " ".join(words).lower().capitalize().split(" ")
    return text(" ".join([SPELLINGS.get(first, first), *rest]))


def text(value: Any, depth: int = 0) -> str:
    """Any JSON value as one line of at most MAX_TEXT_LENGTH characters, without control characters.

    `depth`: in how many lists it is; of those that are deeper than MAX_SHOWN_DEPTH only an ellipsis is shown.
    """
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, list):
        items = value[:MAX_SHOWN_ITEMS]
        value = _first_part((text(item, depth + 1) for item in items), ", ") if depth < MAX_SHOWN_DEPTH else "…"
    elif isinstance(value, dict):
        value = _json(value)
    line = one_line(str("" if value is None else value)[:MAX_SOURCE_LENGTH])
    return line if len(line) <= MAX_TEXT_LENGTH else line[: MAX_TEXT_LENGTH - 1] + "…"


def _json(value: dict[str, Any]) -> str:
    try:
        return _first_part(json.JSONEncoder(ensure_ascii=False).iterencode(value))
    except RecursionError:
        return "…"


def _first_part(parts: Iterable[str], separator: str = "") -> str:
    """The parts joined, as far as they can be shown: a value of a megabyte is not formatted to be cut afterwards."""
    taken, length = [], 0
    for part in parts:
        taken.append(part)
        length += len(part) + len(separator)
        if length > MAX_SOURCE_LENGTH:
            break
    return separator.join(taken)


def fitting(lines: Iterable[str], limit: int) -> str:
    """As many of the lines as fit into `limit` characters, joined by line breaks."""
    fitted = ""
    for line in lines:
        if len(fitted) + len(line) + 2 > limit:
            return f"{fitted}\n…"
        fitted += f"\n{line}" if fitted else line
    return fitted


def _facts(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    plain = (
        (key, value)
        for key, value in islice(data.items(), MAX_FIELDS_READ)
        if key not in NOT_FACTS and not isinstance(value, dict)
    )
    shown = ((label(key), text(value)) for key, value in plain)
    return tuple(islice(((name, value) for name, value in shown if name and value), MAX_FACTS))


def _changes(changes: Any) -> tuple[Change, ...]:
    found: list[Change] = []
    for name, change in islice(changes.items(), MAX_FIELDS_READ) if isinstance(changes, dict) else ():
        if len(found) == MAX_CHANGES:
            break
        if isinstance(change, dict):
            old, new = change.get("old", change.get("removed")), change.get("new", change.get("added"))
            found.append(Change(label(name) or NO_VALUE, text(old) or NO_VALUE, text(new) or NO_VALUE))
    return tuple(found)


def _link(value: Any) -> str:
    """`value` as a web address that needs no escaping in any provider's format; empty if it is not one."""
    if not isinstance(value, str) or len(value) > MAX_LINK_LENGTH:
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[^\w.:\[\]-]", parts.netloc):
        return ""
    path, query, fragment = (quote(part, safe="/%:;=?@&,+~!$'") for part in (parts.path, parts.query, parts.fragment))
    link = urlunsplit((parts.scheme, parts.netloc, path, query, fragment))
    return link if len(link) <= MAX_LINK_LENGTH else ""

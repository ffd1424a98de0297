"""What a chat message says about an event. Pure; each service's connector gives it that service's form."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
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
# For the docs pages.
CHAT_SENDS = """\
A message for each event in `events`: what happened, the asset's name with a link, what changed from what to what, who
did it and when. Names are escaped, so that none pings anybody. Events of other kinds, such as `report.ready`, are
shown with their plain values where `events` asks for them by name.
"""
NOTHING = "—"
MAX_LINES = 10
MAX_TEXT = 150
MAX_LINK_LENGTH = 2000
SHOWN_ELSEWHERE = {
    *("assetId", "name", "title", "url", "changes", "createdBy", "updatedBy", "deletedBy"),
    *("integration", "deliveryId", "truncated"),  # of an event that a service told us
}
SPELLED = {"Github": "GitHub", "Gitlab": "GitLab"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after; a list has what went and what came."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An event in words: plain text, not yet escaped for any service. Empty strings where nothing is known."""

    title: str
    subject: str
    link: str
    facts: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...]
    actor: str
    occurred_at: datetime

    @property
    def summary(self) -> str:
        """For notifications, where only one line is shown."""
        return f"{self.title}: {self.subject}" if self.subject else self.title


def notice_for(message: Message) -> Notice:
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
    """`purchasePrice` and `purchase_price` as a person writes it: `Purchase price`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+", " ", name).split()
    first, *rest = " ".join(words).lower().capitalize().split(" ")
    return text(" ".join([SPELLED.get(first, first), *rest]))


def text(value: Any) -> str:
    """Any JSON value as one short line without control characters."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, list):
        value = ", ".join(text(item) for item in value)
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    line = one_line(str("" if value is None else value))
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


def fitting(lines: Iterable[str], limit: int) -> str:
    """As many of the lines, joined, as fit into `limit` characters."""
    fitted = ""
    for line in lines:
        if len(fitted) + len(line) + 2 > limit:
            return f"{fitted}\n…"
        fitted += f"\n{line}" if fitted else line
    return fitted


def _facts(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    plain = [(key, value) for key, value in data.items() if key not in SHOWN_ELSEWHERE and not isinstance(value, dict)]
    shown = [(label(key), text(value)) for key, value in plain]
    return tuple((name, value) for name, value in shown if name and value)[:MAX_LINES]


def _changes(changes: Any) -> tuple[Change, ...]:
    found = []
    for name, change in changes.items() if isinstance(changes, dict) else ():
        if isinstance(change, dict):
            old, new = change.get("old", change.get("removed")), change.get("new", change.get("added"))
            found.append(Change(label(name) or NOTHING, text(old) or NOTHING, text(new) or NOTHING))
    return tuple(found[:MAX_LINES])


def _link(value: Any) -> str:
    """A web address that no service can mistake for anything else; empty where `value` is none."""
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

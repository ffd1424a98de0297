"""What differs between two states of an asset's document. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN_CHARACTERS = 300
# They differ each time, or never.
UNTOLD = frozenset({"assetId", "createdAt", "createdBy", "updatedAt"})

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs: from `old` to `new`, or for lists what was `added` and `removed`."""

    name: str
    old: str = ""
    new: str = ""
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def differences(before: Document, after: Document) -> list[Change]:
    """The fields that differ, in the order of `after`; nothing for those that differ each time.

    For example `[Change("name", "Leica M3", "Leica M3 (1954)"), Change("tags", added=["sold"])]`.
    """
    names = [name for name in {**after, **before} if name not in UNTOLD]
    return [_change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def told(changes: Any) -> list[Change]:
    """The `changes` of an `asset.updated` as the specification has them, if no earlier document is known."""
    found = []
    for name, change in changes.items() if isinstance(changes, dict) else ():
        if not isinstance(change, dict):
            continue
        if "old" in change or "new" in change:
            found.append(Change(str(name), _text(change.get("old")), _text(change.get("new"))))
        else:
            found.append(Change(str(name), added=_texts(change.get("added")), removed=_texts(change.get("removed"))))
    return found


def _change(name: str, old: Any, new: Any) -> Change:
    if isinstance(old, list) and isinstance(new, list):
        added = [_text(item) for item in new if item not in old]
        removed = [_text(item) for item in old if item not in new]
        if added or removed:
            return Change(name, added=added, removed=removed)
    return Change(name, _text(old), _text(new))


def _texts(values: Any) -> list[str]:
    return [_text(value) for value in values] if isinstance(values, list) else []


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        text = ", ".join(map(_text, value))
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"

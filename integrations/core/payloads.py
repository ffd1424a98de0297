"""Payloads that providers send: values found in them whatever their shape, and copies of bounded size. Pure."""

from collections.abc import Mapping
from typing import Any

from .http import encode_json
from .texts import storable

# Of JSON that is stored and passed on: with its title and address it makes an event of less than 256 KiB.
MAX_PAYLOAD_BYTES = 240 * 1024
MAX_PAYLOAD_DEPTH = 64
# How much of a payload is kept: entries of each list and object, characters of each text. The first cut that brings it
# under MAX_PAYLOAD_BYTES is used.
UNCUT = (None, None)
PAYLOAD_CUTS = ((1000, 10_000), (100, 2_000), (100, 200), (20, 100))


def value_in(payload: Any, *path: str) -> Any:
    """The value under `path` in nested objects; None if there is none."""
    for name in path:
        payload = payload.get(name) if isinstance(payload, Mapping) else None
    return payload


def text_in(payload: Any, *path: str) -> str:
    """The text or number under `path` as storable text; empty if there is none."""
    value = value_in(payload, *path)
    return str(storable(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def list_in(payload: Any, *path: str) -> list[Any]:
    """The list under `path`; empty if there is none."""
    items = value_in(payload, *path)
    return items if isinstance(items, list) else []


def count_in(payload: Any, *path: str) -> int:
    """The length of the list under `path`; 0 if there is none."""
    return len(list_in(payload, *path))


def bounded(payload: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """A copy that every database can store, of at most MAX_PAYLOAD_BYTES; and whether something was left out.

    A payload that no cut brings under the limit becomes `{}`.
    """
    for entries, characters in (UNCUT, *PAYLOAD_CUTS):
        copy = _copied(payload, entries, characters)
        if len(encode_json(copy)) <= MAX_PAYLOAD_BYTES:
            return copy, entries is not None
    return {}, True


def _copied(value: Any, entries: int | None, characters: int | None, depth: int = 0) -> Any:
    if isinstance(value, str):
        return storable(value)[:characters]
    if isinstance(value, Mapping | list | tuple) and depth >= MAX_PAYLOAD_DEPTH:
        return None
    if isinstance(value, Mapping):
        items = list(value.items())[:entries]
        names = [_copied(name, entries, characters) for name, _ in items]
        copies = [_copied(item, entries, characters, depth + 1) for _, item in items]
        return dict(zip(names, copies, strict=True))
    if isinstance(value, list | tuple):
        return [_copied(item, entries, characters, depth + 1) for item in value[:entries]]
    return value

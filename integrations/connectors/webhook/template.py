"""The body that an owner makes of an event: JSON in whose texts `{{ path }}` stands for a value of the event. Pure.

It has no conditions, loops or functions, so that what one event costs is bounded by the sizes below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticCustomError

from invenicum import strict_json
from invenicum.events.message import Message

from ...core.errors import Rejected
from ...core.http import encode_json
from ...families.chat import notice_for

MAX_TEMPLATE_CHARACTERS = 16 * 1024
MAX_PLACEHOLDERS = 100
MAX_RENDERED_BYTES = 512 * 1024  # of values that are filled in
MAX_DEFAULT_CHARACTERS = 200

_PLACEHOLDER = re.compile(
    r"\{\{\s*(?P<path>[A-Za-z0-9_]+(?:\.[A-Za-z0-9_-]+)*)\s*"
    rf"(?:\|\s*default\(\s*'(?P<default>[^'{{}}]{{0,{MAX_DEFAULT_CHARACTERS}}})'\s*\)\s*)?\}}\}}"
)
_ROOTS = ("id", "event", "timestamp", "data", "title", "summary", "url")


@lru_cache(maxsize=256)
def parse(template: str) -> Any:
    """The template as JSON values. Raises PydanticCustomError if it or a placeholder in it cannot be read."""
    if len(template) > MAX_TEMPLATE_CHARACTERS:
        raise PydanticCustomError("template", "has more than {most} characters", {"most": MAX_TEMPLATE_CHARACTERS})
    try:
        tree = strict_json.loads_of_stranger(template.encode())
        encode_json(tree)  # not possible for half of a character, `\\ud800`
    except ValueError:
        raise PydanticCustomError("template", "must be JSON, with placeholders in texts only") from None
    found = _texts(tree)
    if sum(text.count("{{") for text in found) > MAX_PLACEHOLDERS:
        raise PydanticCustomError("template", "has more than {most} placeholders", {"most": MAX_PLACEHOLDERS})
    for text in found:
        rest = _PLACEHOLDER.sub("", text)
        if "{{" in rest or "}}" in rest:
            raise PydanticCustomError(
                "template",
                "has a placeholder that cannot be read; they look like {example}",
                {"example": "{{ data.name }}"},
            )
        for match in _PLACEHOLDER.finditer(text):
            if (root := match["path"].partition(".")[0]) not in _ROOTS:
                words = {"root": root, "roots": ", ".join(_ROOTS)}
                raise PydanticCustomError("template", "has the unknown value {root}; there are {roots}", words)
    return tree


def render(template: str, message: Message) -> bytes:
    """The body for `message`: the template's JSON with the values of the event.

    A text that is one placeholder becomes the value itself, of any JSON type, null if the event has none; within a
    longer text a value is written as text. Raises Rejected if the values have more than MAX_RENDERED_BYTES.
    """
    return encode_json(_Rendering(message).fill(parse(template)))


class _Rendering:
    """One event being filled in."""

    def __init__(self, message: Message):
        notice = notice_for(message)
        self._values: Mapping[str, Any] = {
            "id": message.id,
            **json.loads(message.body),
            "title": notice.title,
            "summary": notice.summary,
            "url": notice.link,
        }
        self._room = MAX_RENDERED_BYTES

    def fill(self, node: Any) -> Any:
        if isinstance(node, str):
            return self._fill_text(node)
        if isinstance(node, dict):
            return {name: self.fill(value) for name, value in node.items()}
        if isinstance(node, list):
            return [self.fill(value) for value in node]
        return node

    def _fill_text(self, text: str) -> Any:
        whole = _PLACEHOLDER.fullmatch(text)
        if whole is None:
            return _PLACEHOLDER.sub(self._as_text, text)
        value = self._value(whole)
        self._spend(value if isinstance(value, str) else encode_json(value))
        return value

    def _as_text(self, match: re.Match[str]) -> str:
        value = self._value(match)
        text = "" if value is None else value if isinstance(value, str) else encode_json(value).decode()
        self._spend(text)
        return text

    def _value(self, match: re.Match[str]) -> Any:
        value: Any = self._values
        for part in match["path"].split("."):
            if isinstance(value, list):
                value = value[int(part)] if part.isdecimal() and len(part) < 6 and int(part) < len(value) else None
            else:
                value = value.get(part) if isinstance(value, Mapping) else None
        return match["default"] if value is None and match["default"] is not None else value

    def _spend(self, text: str | bytes) -> None:
        self._room -= len(text)
        if self._room < 0:
            raise Rejected(
                f"The template makes more than {MAX_RENDERED_BYTES // 1024} KiB of this event: name single values in "
                "it instead of all of data."
            )


def _texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for value in values for text in _texts(value)]

"""Reads the texts of a form that sends only strings, for fields that are not text. Pure.

The Invenicum app sends what people typed (`push, release`), and what it pre-filled with Dart's `toString()`:
`[push, release]` for a list, `{Authorization: , X-Team: }` for a mapping whose values are secret.
"""

import json
import re
from typing import Any, Literal

Kind = Literal["text", "list", "mapping", "boolean", "number"]

# Above every valid value: fifty headers of 4,096 characters, escaped.
MAX_FORM_TEXT_CHARACTERS = 500_000
LIST_EXPECTED = "must be a list, or text with commas between the items, for example push, release"
MAPPING_EXPECTED = 'must be an object, or its JSON text, for example {"X-Custom-Header": "value"}'
TOO_LONG = f"must have at most {MAX_FORM_TEXT_CHARACTERS} characters"


class NotUnderstood(ValueError):
    """The text is not a value of this kind; its message says what is expected, without the text."""


def read_form_text(kind: Kind, text: str) -> Any:
    """The value that `text` means in a field of `kind`; `""` if it is blank, or an empty list.

    A text of kind `text` is returned as it is. `"push, release"`, `"[push, release]"` and `'["push", "release"]'` are
    the list `["push", "release"]`; `'{"A": "1"}'` and `"{A: 1}"` the mapping `{"A": "1"}`; `"true"` is True and `"5"`
    is 5. Other texts for booleans and numbers are returned for the field to validate. Raises NotUnderstood.
    """
    if kind == "text":
        return text
    if len(text) > MAX_FORM_TEXT_CHARACTERS:
        raise NotUnderstood(TOO_LONG)
    text = text.strip()
    match kind if text else "blank":
        case "list":
            return _list(text) or ""
        case "mapping":
            return _mapping(text)
        case "boolean":
            return {"true": True, "false": False}.get(text.lower(), text)
        case "number" if re.fullmatch(r"-?[0-9]{1,15}", text):
            return int(text)
    return text


def _list(text: str) -> list[Any]:
    if text.startswith("[") != text.endswith("]"):
        raise NotUnderstood(LIST_EXPECTED)
    if text.startswith("["):
        value = _json(text)
        # `[1, true]` may be the toString() of the texts `1` and `true`; with anything else in it, it is JSON.
        if isinstance(value, list) and not all(isinstance(item, int | float | None) for item in value):
            return value
        text = text[1:-1]
    return [item for item in map(str.strip, text.split(",")) if item]


def _mapping(text: str) -> dict[str, Any]:
    value = _json(text)
    if isinstance(value, dict):
        return value
    if not (text.startswith("{") and text.endswith("}")) or '"' in text:
        raise NotUnderstood(MAPPING_EXPECTED)
    found: dict[str, str] = {}
    for pair in text[1:-1].split(", "):
        name, colon, value = pair.strip().partition(":")
        # Without the space after the colon, `{Link: https://a, https://b}` would be two names. A comma without a space
        # may be part of a value or stand before the next name.
        is_pair = colon and value[:1] in ("", " ") and not re.search(r"[{},]", value)
        if not is_pair or not re.fullmatch(r"[^\s{}]+", name) or name in found:
            raise NotUnderstood(MAPPING_EXPECTED)
        found[name] = value.strip()
    return found


def _json(text: str) -> Any:
    """The JSON value; None if it is not JSON or nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

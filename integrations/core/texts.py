"""Makes texts from outside safe to store and to show. Pure."""

import re
from typing import Any

# Control characters, bidirectional marks and half surrogate pairs: a text must not reorder what is around it, and every
# database and encoding must accept it.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


CUT_MARK = "…"


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning and a `…`, at most `limit` characters: redaction sees there that a part may be left."""
    return text if len(text) <= limit else text[: limit - 1] + CUT_MARK


def one_line(text: str) -> str:
    """`text` as one line without control characters, words separated by single spaces."""
    return " ".join(UNSAFE.sub(" ", text).split())


def storable(value: Any) -> Any:
    """A JSON value without NUL (PostgreSQL cannot store it) and half surrogate pairs (UTF-8 cannot encode them)."""
    if isinstance(value, str):
        text = value if value.isascii() else value.encode(errors="replace").decode()
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value

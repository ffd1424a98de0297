"""Texts that strangers send, made fit to be stored and shown. Pure."""

import re
from typing import Any

# Controls, the marks that make text run backwards, and halves of characters: a text must not rearrange what is
# around it, and every database and encoding must take it.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def one_line(text: str) -> str:
    """`text` as a line of words, without control characters."""
    return " ".join(UNSAFE.sub(" ", text).split())


def storable(value: Any) -> Any:
    """A JSON value without NUL, which PostgreSQL cannot store, and half surrogate pairs, which no encoding has."""
    if isinstance(value, str):
        text = value if value.isascii() else value.encode(errors="replace").decode()
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value

"""Keeps secrets out of what is stored and shown. Pure."""

import json
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "[hidden]"
# Shorter secrets occur inside ordinary words, which would be hidden.
MIN_REDACTED_LENGTH = 4


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with each of `secrets` replaced by `[hidden]`, also if URL-encoded, escaped or without its `Bearer `."""
    parts = {part for secret in secrets for part in (secret, secret.rpartition(" ")[2])}
    for part in sorted(parts, key=len, reverse=True):
        if MIN_REDACTED_LENGTH <= len(part) <= len(text):
            for spelling in (part, quote(part, safe=""), json.dumps(part)[1:-1], part.replace("/", "\\/")):
                text = text.replace(spelling, HIDDEN)
    return text

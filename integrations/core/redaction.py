"""Keeps secrets out of what is stored and shown. Pure."""

import json
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "[hidden]"
# Shorter ones are found in ordinary words, and would hide those instead.
SHORTEST = 4


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with each of `secrets` hidden, also where they are URL-encoded, escaped or without their `Bearer`."""
    parts = {part for secret in secrets for part in (secret, secret.rpartition(" ")[2])}
    for part in sorted(parts, key=len, reverse=True):
        if SHORTEST <= len(part) <= len(text):
            for spelling in (part, quote(part, safe=""), json.dumps(part)[1:-1], part.replace("/", "\\/")):
                text = text.replace(spelling, HIDDEN)
    return text

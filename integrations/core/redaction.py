"""Keeps secrets out of what is stored and shown. Pure."""

import base64
import re
from binascii import Error as NotBase64
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any

from .spellings import decodings
from .texts import CUT_MARK, one_line

HIDDEN = "[hidden]"
# Shorter secrets occur inside ordinary words, which would be hidden; so do shorter parts of secrets.
MIN_REDACTED_LENGTH = 4
MIN_BASE64_LENGTH = 6
_MAX_CUTS = 10  # in one text
# An escape that a cut has left incomplete.
_CUT_ESCAPE = re.compile(r"(?:%(?:25)*[0-9A-Fa-f]?|&#?\w{0,7}|\\(?:u[0-9A-Fa-f]{0,3})?)$")


def redact(text: str, secrets: Collection[str], *, is_cut: bool = False) -> str:
    """`text` with each of `secrets` replaced by `[hidden]`, also if a part of it is left at a cut.

    Secrets are known with and without their `Bearer `, and in these spellings, which may be nested: URL-encoded, HTML
    and JSON escapes, and Base64 of a text that contains them. A cut is where the text has a `…`, and with `is_cut` its
    end. Takes time in proportion to the text for each secret.
    """
    if not text:
        return text
    needles = _needles(tuple(secrets))
    spans = sorted(span for decoded, places in decodings(text) for span in _found(decoded, places, needles, is_cut))
    if not spans:
        return text
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    kept = pairwise([0, *(place for span in merged for place in span), len(text)])
    return HIDDEN.join(text[start:end] for number, (start, end) in enumerate(kept) if number % 2 == 0)


def redact_values(value: Any, secrets: Collection[str]) -> Any:
    """`value`, as JSON has it, with each of its texts redacted; names stay."""
    match value:
        case str():
            return redact(value, secrets)
        case dict():
            return {name: redact_values(item, secrets) for name, item in value.items()}
        case list() | tuple():
            return [redact_values(item, secrets) for item in value]
    return value


def _found(decoded: str, places: Sequence[int], needles: tuple[str, ...], is_cut: bool) -> Iterator[tuple[int, int]]:
    """Where the text has a secret: start and end. `places[i]` is where the decoded character `i` begins in the text."""
    searched = decoded.replace("+", " ")  # which means a space in forms
    for needle in needles:
        start = searched.find(needle)
        while start >= 0:
            yield places[start], places[start + len(needle)]
            start = searched.find(needle, start + len(needle))
    cuts = [match.start() for match in islice(re.finditer(CUT_MARK, searched), _MAX_CUTS)]
    for cut in [*cuts, len(searched)] if is_cut else cuts:
        start = min((_begin_of_part(searched[:cut], needle) for needle in needles), default=cut)
        if start < cut:
            yield places[start], places[cut]


def _begin_of_part(text: str, needle: str) -> int:
    """Where the beginning of `needle` that ends `text` starts; the text's length if it ends with none."""
    complete = _CUT_ESCAPE.sub("", text[-20:])
    for end in {len(text), len(text) - len(text[-20:]) + len(complete)}:
        first = max(0, end - len(needle) + 1)
        start = text.find(needle[:MIN_REDACTED_LENGTH], first, end)
        while start >= 0:
            if needle.startswith(text[start:end]):
                return start
            start = text.find(needle[:MIN_REDACTED_LENGTH], start + 1, end)
    return len(text)


@lru_cache(maxsize=1000)
def _needles(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """What to look for, in texts whose `+` are spaces; the longest first."""
    found = set()
    for secret in secrets:
        parts = {secret, one_line(secret), secret.rpartition(" ")[2], *_basic_credentials(secret)}
        for part in parts:
            if len(part) >= MIN_REDACTED_LENGTH:
                found |= {part, *_base64_cores(part)}
    return tuple(sorted({needle.replace("+", " ") for needle in found}, key=len, reverse=True))


def _basic_credentials(secret: str) -> list[str]:
    """The credentials in `Basic …` (RFC 7617) and the password among them."""
    if not secret.startswith("Basic "):
        return []
    try:
        credentials = base64.b64decode(secret[6:], validate=True).decode()
    except (NotBase64, ValueError):
        return []
    return [credentials, credentials.partition(":")[2]]


def _base64_cores(secret: str) -> Iterator[str]:
    """What the Base64 of any text that contains `secret` contains, in both alphabets, for each of three alignments."""
    encoded = secret.encode(errors="surrogatepass")
    for before in range(3):
        whole = base64.b64encode(bytes(before) + encoded).decode()
        core = whole[-(-before * 8 // 6) : (before + len(encoded)) * 8 // 6]
        if len(core) >= MIN_BASE64_LENGTH:
            yield core
            yield core.replace("+", "-").replace("/", "_")

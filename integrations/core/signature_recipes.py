"""The ways in which a signature of a webhook is made, the right one and the usual mistakes. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

from .signing import PRIVATE_KEY_PREFIX, SECRET_PREFIX, standard_key

DIGEST_BYTES = 32
MAX_RESPELLED_BYTES = 256 * 1024  # of a body that is tried in other spellings

Key = Literal["decoded", "text", "bare"]
Signed = Literal["all", "body"]
Body = Literal["", "respelled", "whitespace"]
Spelling = Literal["base64", "hex", "other"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an HMAC was made.

    secret: the name of it. key: of its bytes: its text after the prefix `decoded` as base64, the whole `text`, or what
    follows the prefix, `bare`. signed: `all` is id, timestamp and body. body: as it is, or in another spelling.
    """

    secret: str
    key: Key
    signed: Signed
    body: Body


def digests(secrets: Mapping[str, str], identity: bytes, body: bytes) -> Iterator[tuple[bytes, Recipe]]:
    """Each HMAC-SHA256 that a sender or a receiver may make, with how it is made; those of the body as it is first.

    secrets: by name. identity: what stands before the body in what is signed, `id.timestamp.`.
    """
    for (kind, text), (name, secret) in product(bodies(body), secrets.items()):
        if secret.startswith(PRIVATE_KEY_PREFIX):
            continue
        keys: dict[Key, bytes] = {
            "decoded": standard_key(secret),
            "text": secret.encode(),
            "bare": secret.removeprefix(SECRET_PREFIX).encode(),
        }
        texts: dict[Signed, bytes] = {"all": identity + text, "body": text}
        for (key, key_bytes), (signed, signed_bytes) in product(keys.items(), texts.items()):
            yield hmac.digest(key_bytes, signed_bytes, hashlib.sha256), Recipe(name, key, signed, kind)


def digest_in(value: str) -> tuple[bytes, Spelling] | None:
    """The digest in a signature without its prefix, and how it is spelled; None if it is none."""
    if re.fullmatch(r"[0-9A-Fa-f]{64}", value):
        return bytes.fromhex(value), "hex"
    plain = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4))
    except ValueError:
        return None
    if len(raw) == 2 * DIGEST_BYTES and re.fullmatch(rb"[0-9A-Fa-f]+", raw):  # hexadecimal, in base64
        return bytes.fromhex(raw.decode()), "hex"
    if len(raw) != DIGEST_BYTES:
        return None
    return raw, "base64" if base64.b64encode(raw).decode() == value else "other"


def bodies(body: bytes) -> list[tuple[Body, bytes]]:
    """The body as it is, and as it may have been sent."""
    found: dict[bytes, Body] = {body: ""}
    if len(body) <= MAX_RESPELLED_BYTES:
        for other in (body.strip(), body + b"\n", body.replace(b"\r\n", b"\n"), body.replace(b"\n", b"\r\n")):
            found.setdefault(other, "whitespace")
        for other in _spellings(body):
            found.setdefault(other, "respelled")
    return [(kind, text) for text, kind in found.items()]


def _spellings(body: bytes) -> Iterator[bytes]:
    """The same JSON as other programs write it; the first is how this service does."""
    value = json_value(body)
    if not isinstance(value, dict | list):
        return
    for separators, indent, is_ascii, is_sorted in (
        ((",", ":"), None, False, False),
        ((", ", ": "), None, False, False),
        ((",", ":"), None, True, False),
        ((", ", ": "), None, True, False),
        ((",", ": "), 2, False, False),
        ((",", ":"), None, False, True),
    ):
        text = json.dumps(value, separators=separators, indent=indent, ensure_ascii=is_ascii, sort_keys=is_sorted)
        yield text.encode("utf-8", "surrogatepass")


def json_value(body: bytes) -> object:
    """The value of a JSON text; the bytes themselves if they are none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body

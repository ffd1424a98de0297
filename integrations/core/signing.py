"""Signatures over bodies, ours and others'. Pure: secret and bytes in, header value out."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from functools import lru_cache

PREFIX = "whsec_"


def generate_secret() -> str:
    """A new signing secret: `whsec_` and the base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def hmac_sha256_hex(key: str | bytes, payload: bytes) -> str:
    return hmac.digest(_bytes(key), payload, hashlib.sha256).hex()


def invenicum_signature(secret: str, body: bytes) -> str:
    """The value of `X-Invenicum-Signature`. The key is the secret's text as given, as in the API page's example."""
    return "sha256=" + hmac_sha256_hex(secret, body)


def standard_signature(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature` over `id.timestamp.body`, one `v1,` entry a key, newest first.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


@lru_cache(maxsize=10_000)  # an engine signs with the same few keys over and over
def standard_key(secret: str) -> bytes:
    """The key bytes of a Standard Webhooks secret: base64 after `whsec_`, else the text itself.

    The off-the-shelf libraries decode what follows the prefix (or the whole text) as base64; a secret
    that is not base64 can only be used with `X-Invenicum-Signature` there, and its text is the key here.
    """
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value

"""Signatures of bodies. Pure: secret and bytes in, header value out."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from functools import lru_cache

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32


def generate_secret() -> str:
    """A new signing secret: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def hmac_sha256_hex(key: str | bytes, payload: bytes) -> str:
    """The HMAC-SHA256 of `payload` in hexadecimal (RFC 2104)."""
    return hmac.digest(_bytes(key), payload, hashlib.sha256).hex()


def invenicum_signature(secret: str, body: bytes) -> str:
    """The value of `X-Invenicum-Signature`, e.g. `sha256=5bdcc1…`. The key is the secret's text, prefix included."""
    return "sha256=" + hmac_sha256_hex(secret, body)


def standard_signature(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: over `id.timestamp.body`, a `v1,` entry for each key, the newest key first.

    `timestamp` is in Unix seconds.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


@lru_cache(maxsize=10_000)  # the engine signs with the same few keys again and again
def standard_key(secret: str) -> bytes:
    """The key bytes of a Standard Webhooks secret: base64 after `whsec_`, else the text itself.

    The Standard Webhooks libraries decode what follows the prefix (or the whole text) as base64. A secret that is not
    base64 works with them only for `X-Invenicum-Signature`; here its text is the key.
    """
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value

"""Signatures of bodies. Pure: secret and bytes in, header value out."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE_HEADER = "X-Invenicum-Signature"
NEXT_SIGNATURE_HEADER = "X-Invenicum-Signature-Next"
PREVIOUS_SIGNATURE_HEADER = "X-Invenicum-Signature-Previous"
SECRET_PREFIX = "whsec_"
PRIVATE_KEY_PREFIX = "whsk_"
PUBLIC_KEY_PREFIX = "whpk_"
_SEED_BYTES = 32  # RFC 8032, 5.1.5
SECRET_BYTES = 32
ROTATION_OVERLAP_SECONDS = 24 * 60 * 60  # for which the previous signing secret signs too


def generate_secret() -> str:
    """A new signing secret: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def generate_private_key() -> str:
    """A new Ed25519 key pair: `whsk_` and the base64 of the 32 bytes of its seed and the 32 of its public key."""
    key = Ed25519PrivateKey.generate()
    pair = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return PRIVATE_KEY_PREFIX + base64.b64encode(pair).decode()


@lru_cache(maxsize=1000)
def private_key(secret: str) -> Ed25519PrivateKey:
    """The key of `whsk_…`: base64 of a seed, alone or with its public key behind it. Raises ValueError."""
    if not secret.startswith(PRIVATE_KEY_PREFIX):
        raise ValueError(f"A private key begins with {PRIVATE_KEY_PREFIX}.")
    raw = base64.b64decode(secret.removeprefix(PRIVATE_KEY_PREFIX), validate=True)
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    if raw[_SEED_BYTES:] not in (b"", key.public_key().public_bytes_raw()):
        raise ValueError("The public key is not that of the seed.")
    return key


def verification_key(secret: str) -> str:
    """What a receiver verifies with: the public key `whpk_…` of a private key, or the shared secret itself."""
    if not secret.startswith(PRIVATE_KEY_PREFIX):
        return secret
    return PUBLIC_KEY_PREFIX + base64.b64encode(private_key(secret).public_key().public_bytes_raw()).decode()


def hmac_sha256_hex(key: str | bytes, payload: bytes) -> str:
    """The HMAC-SHA256 of `payload` in hexadecimal (RFC 2104)."""
    return hmac.digest(_bytes(key), payload, hashlib.sha256).hex()


def invenicum_signature(secret: str, body: bytes) -> str:
    """The value of `X-Invenicum-Signature`, e.g. `sha256=5bdcc1…`. The key is the secret's text, prefix included."""
    return "sha256=" + hmac_sha256_hex(secret, body)


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """The secret that signs and, after a rotation, the previous one, valid before `previous_until` in Unix seconds."""

    current: str
    previous: str = ""
    previous_until: int = 0

    def valid_at(self, now: int) -> tuple[str, ...]:
        """Those that sign at the Unix time `now`, the current one first."""
        return (self.current, self.previous) if self.previous and now < self.previous_until else (self.current,)


def invenicum_headers(secrets: SigningSecrets, now: int, body: bytes) -> dict[str, str]:
    """The headers with `sha256=` signatures of `body` at the Unix time `now`, by name.

    `X-Invenicum-Signature` alone, except after a rotation: for the first half of ROTATION_OVERLAP_SECONDS the previous
    secret keeps signing it and `X-Invenicum-Signature-Next` is by the current one; for the second half the current
    secret signs it and `X-Invenicum-Signature-Previous` is by the previous one. A receiver that knows the first header
    only has half the overlap before it must have changed its secret, and half in which both can be compared.
    """
    current = invenicum_signature(secrets.current, body)
    if len(secrets.valid_at(now)) == 1:
        return {SIGNATURE_HEADER: current}
    previous = invenicum_signature(secrets.previous, body)
    if now < secrets.previous_until - ROTATION_OVERLAP_SECONDS // 2:
        return {SIGNATURE_HEADER: previous, NEXT_SIGNATURE_HEADER: current}
    return {SIGNATURE_HEADER: current, PREVIOUS_SIGNATURE_HEADER: previous}


def standard_signature(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: over `id.timestamp.body`, a `v1,` entry for each key, the newest key first.

    `timestamp` is in Unix seconds.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


def asymmetric_signature(keys: Iterable[Ed25519PrivateKey], message_id: str, timestamp: int, body: bytes) -> str:
    """The same with Ed25519: a `v1a,` entry for each key."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join("v1a," + base64.b64encode(key.sign(signed)).decode() for key in keys)


@lru_cache(maxsize=10_000)  # the engine signs with the same few keys again and again
def standard_key(secret: str) -> bytes:
    """The key bytes of a Standard Webhooks secret: base64 after `whsec_`, else the text itself.

    The Standard Webhooks libraries decode what follows the prefix (or the whole text) as base64, with or without its
    padding. A secret that is not base64 works with them only for `X-Invenicum-Signature`; here its text is the key.
    """
    text = secret.removeprefix(SECRET_PREFIX)
    padding = "=" * (-len(text) % 4) if text != secret else ""
    try:
        return base64.b64decode(text + padding, validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value

"""Checks that a hook comes from the provider: shared tokens, HMAC signatures, the age of a timestamp. Pure."""

import hmac
import re

from .inbound import InboundRequest
from .signing import hmac_sha256_hex, standard_key, standard_signature

SIGNATURE_TOLERANCE_SECONDS = 300  # between a signed timestamp and now, either way
MAX_STANDARD_SIGNATURES = 10  # compared per request


def is_same(given: str, expected: str) -> bool:
    """Whether two texts are equal, compared in constant time. False if `expected` is empty."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def is_recent(timestamp: str, now: float) -> bool:
    """Whether a signed Unix time in seconds is close enough to `now` for the request not to be a replay."""
    return (
        re.fullmatch(r"[0-9]{1,12}", timestamp) is not None and abs(now - int(timestamp)) <= SIGNATURE_TOLERANCE_SECONDS
    )


def is_signed(request: InboundRequest, header: str, secret: str, prefix: str = "") -> bool:
    """Whether `header` holds `prefix` and the body's HMAC-SHA256 in hexadecimal. False without a secret."""
    return bool(secret) and is_same(request.header(header), prefix + hmac_sha256_hex(secret, request.body))


def has_standard_signature(request: InboundRequest, secret: str) -> bool:
    """Whether one of the signatures in `webhook-signature` is right and recent. False without a secret.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    timestamp = request.header("webhook-timestamp")
    if not secret or not is_recent(timestamp, request.now):
        return False
    message_id = request.header("webhook-id")
    expected = standard_signature([standard_key(secret)], message_id, int(timestamp), request.body)
    given = request.header("webhook-signature").split()[:MAX_STANDARD_SIGNATURES]
    return any(is_same(signature, expected) for signature in given)

"""Secrets that a person typed into a form which comes back with an error: in the page only as ciphertext."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

KEPT_SECONDS = 3600
_SALT = "invenicum.portal.kept"


def seal(secrets: Mapping[str, Any], purpose: str) -> str:
    """The secrets, by JSON name, as a text for a hidden field; empty without any.

    purpose: whose form it is; only the same one can read it again.
    """
    if not secrets:
        return ""
    return _cipher(purpose).encrypt(json.dumps(secrets).encode()).decode()


def unseal(text: str, purpose: str) -> dict[str, Any]:
    """What `seal` was given within the last hour; empty for any other text."""
    try:
        found: dict[str, Any] = json.loads(_cipher(purpose).decrypt(text.encode(), ttl=KEPT_SECONDS))
    except InvalidToken:
        return {}
    return found


def _cipher(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(salted_hmac(_SALT, purpose, algorithm="sha256").digest()))

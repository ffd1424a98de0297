"""JSON Web Tokens of the Invenicum backend (RFC 7519), signed HS256 with `INVENICUM_JWT_SECRET`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from .public_ids import is_invenicum_id

CLOCK_LEEWAY_SECONDS = 60  # the most that the backend's clock may differ from ours
MAX_TOKEN_CHARACTERS = 8192
MAX_EMAIL_CHARACTERS = 254
MAX_NAME_CHARACTERS = 150
LATEST_TIMESTAMP = 253_402_300_799  # the end of the year 9999


class RefusedToken(Exception):
    """The token is not valid. The text says why, without any part of the token."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that a token names. `email`, `name` and `issued_at` are None if it does not say."""

    account_id: str
    email: str | None
    name: str | None
    issued_at: datetime | None
    expires_at: datetime


def read_token(token: str, secret: str, audience: str = "") -> Identity:
    """The user that a token names: `Identity("456", "alice@example.com", "Alice", …)`. Raises RefusedToken.

    The claims `userId` (a number or a text) and `exp` are needed; `email`, `name` and `iat` may be missing or null, as
    the backend leaves them. With an `audience`, `aud` must be that text or a list that contains it (RFC 7519, 4.1.3).
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise RefusedToken("it is too long")
    try:
        claims = jwt.decode(token, _key(secret), algorithms=["HS256"]).claims
        _registry(audience).validate({name: value for name, value in claims.items() if value is not None})
        issued_at, expires_at = _moment(claims.get("iat")), _moment(claims["exp"])
    except JoseError as error:
        claim = getattr(error, "claim", "")
        raise RefusedToken(f"{error.error} {claim}".strip()) from None
    # A forged token may contain anything: what cannot be read counts as a wrong signature.
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        raise RefusedToken("it is malformed") from None
    if expires_at is None:
        raise RefusedToken("exp is not a time")
    return Identity(_account_id(claims), _email(claims), _name(claims), issued_at, expires_at)


def _account_id(claims: Mapping[str, Any]) -> str:
    user_id = claims["userId"]
    text = str(user_id) if isinstance(user_id, str | int) and not isinstance(user_id, bool) else ""
    if not is_invenicum_id(text):
        raise RefusedToken("userId is neither a number nor a text of letters, digits, dots, dashes and underscores")
    return text


def _email(claims: Mapping[str, Any]) -> str | None:
    """None also for an address that is not one: mail could not be sent to it."""
    email = claims.get("email")
    if not isinstance(email, str) or len(email) > MAX_EMAIL_CHARACTERS:
        return None
    try:
        validate_email(email)
    except ValidationError:
        return None
    return email


def _name(claims: Mapping[str, Any]) -> str | None:
    name = claims.get("name")
    return name[:MAX_NAME_CHARACTERS] if isinstance(name, str) and name.isprintable() else None


@cache
def _registry(audience: str) -> jwt.JWTClaimsRegistry:
    registry = jwt.JWTClaimsRegistry(leeway=CLOCK_LEEWAY_SECONDS, userId={"essential": True}, exp={"essential": True})
    if audience:
        registry.options["aud"] = {"essential": True, "value": audience}
    return registry


def _moment(seconds: Any) -> datetime | None:
    """The time of Unix seconds; the nearest one that can be told for a number out of range."""
    if not isinstance(seconds, int | float):
        return None
    return datetime.fromtimestamp(max(0, min(seconds, LATEST_TIMESTAMP)), UTC)


@cache
def _key(secret: str) -> OctKey:
    return OctKey.import_key(secret)

"""JSON Web Tokens of the Invenicum backend (RFC 7519), signed HS256 with `INVENICUM_JWT_SECRET`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
CLAIMS = jwt.JWTClaimsRegistry(leeway=CLOCK_LEEWAY_SECONDS, userId={"essential": True}, exp={"essential": True})


class RefusedToken(Exception):
    """The token is not valid. The text says why, without any part of the token."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that a token names. `email` and `name` are None if it does not say."""

    account_id: str
    email: str | None
    name: str | None


def read_token(token: str, secret: str) -> Identity:
    """The user that a token names: `Identity("456", "alice@example.com", "Alice")`. Raises RefusedToken.

    The claims `userId` (a number or a text) and `exp` are needed; `email`, `name` and `iat` may be missing or null, as
    the backend leaves them.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise RefusedToken("it is too long")
    try:
        claims = jwt.decode(token, _key(secret), algorithms=["HS256"]).claims
        CLAIMS.validate({name: value for name, value in claims.items() if value is not None})
    except JoseError as error:
        claim = getattr(error, "claim", "")
        raise RefusedToken(f"{error.error} {claim}".strip()) from None
    # A forged token may contain anything: what cannot be read counts as a wrong signature.
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        raise RefusedToken("it is malformed") from None
    return Identity(_account_id(claims), _email(claims), _name(claims))


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
def _key(secret: str) -> OctKey:
    return OctKey.import_key(secret)

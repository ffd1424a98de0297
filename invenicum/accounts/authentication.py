"""Authenticating requests: access tokens of this server, and JSON Web Tokens of the Invenicum app."""

import structlog
from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .invenicum_tokens import Identity, RefusedToken, read_token
from .lookups import find_token
from .models import User
from .scopes import USER_SCOPES
from .services import user_of_token
from .tokens import Access, Origin, holder_of

INVALID_TOKEN = "Invalid or expired token"  # the app logs its user out on exactly this text

log = structlog.get_logger(__name__)


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. Sets `request.auth` to the `Access` that the token gives."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        token = bearer_of(request.headers.get("Authorization", ""))
        if token is None:
            return None
        found = _by_jwt(token) if is_invenicum_token(token) else _by_access_token(token)
        if found is None or not found[0].is_active:
            raise AuthenticationFailed(INVALID_TOKEN)
        return found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def bearer_of(header: str) -> str | None:
    """The token in an `Authorization` header; None if it has another scheme or none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_invenicum_token(token: str) -> bool:
    """Whether a token is to be read as one of the Invenicum app, not as one of this server."""
    return bool(settings.INVENICUM_JWT_SECRET) and token.count(".") == 2


def identity_of(token: str) -> Identity:
    """Who a token of the Invenicum app says that its bearer is. Raises RefusedToken."""
    return read_token(token, settings.INVENICUM_JWT_SECRET, settings.INVENICUM_JWT_AUDIENCE)


def _by_access_token(token: str) -> tuple[User, Access] | None:
    row = find_token(token)
    return holder_of(row) if row else None


def _by_jwt(token: str) -> tuple[User, Access] | None:
    try:
        identity = identity_of(token)
    except RefusedToken as error:
        log.warning("invenicum_token_refused", reason=str(error))
        return None
    user = user_of_token(identity.account_id, identity.email, identity.name, identity.issued_at)
    if user is None:
        log.warning("invenicum_token_refused", reason="its account was removed after it was issued")
        return None
    return user, Access(USER_SCOPES, Origin(expires_at=identity.expires_at))


def current_user(request: Request) -> User:
    """The user behind an authenticated request."""
    assert isinstance(request.user, User)
    return request.user


def current_access(request: Request) -> Access:
    """What the token of an authenticated request allows."""
    assert isinstance(request.auth, Access)
    return request.auth

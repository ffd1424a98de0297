"""Who asks: access tokens of this server, and JSON Web Tokens of the Invenicum app."""

import hashlib
import re
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from oauth2_provider.models import AccessToken
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .tokens import USER_SCOPES, Access

INVALID_TOKEN = "Invalid or expired token"  # the app logs its user out on exactly this text
USER_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
CLAIMS = jwt.JWTClaimsRegistry(
    userId={"essential": True}, email={"essential": True}, name={"essential": True}, exp={"essential": True}
)


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. Sets `request.auth` to the `Access` that the token gives."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = token.strip()
        is_jwt = bool(settings.INVENICUM_JWT_SECRET) and token.count(".") == 2
        found = _by_jwt(token) if is_jwt else _by_access_token(token)
        if found is None or not found[0].is_active:
            raise AuthenticationFailed(INVALID_TOKEN)
        return found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _by_access_token(token: str) -> tuple[User, Access] | None:
    checksum = hashlib.sha256(token.encode()).hexdigest()
    rows = AccessToken.objects.filter(token_checksum=checksum, expires__gt=timezone.now(), user__isnull=False)
    row = rows.select_related("user").first()
    return (row.user, Access(frozenset(row.scope.split()))) if row else None


def _by_jwt(token: str) -> tuple[User, Access] | None:
    try:
        claims = jwt.decode(token, _key(settings.INVENICUM_JWT_SECRET), algorithms=["HS256"]).claims
        CLAIMS.validate(claims)
        user_id, email, name = _text(claims["userId"]), _text(claims["email"]), _text(claims["name"])
        validate_email(email)
    # A forged token may hold anything, so whatever cannot be read is as bad as a wrong signature.
    except (JoseError, ValidationError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    if not USER_ID.fullmatch(user_id) or len(email) > 254 or not name.isprintable():
        return None
    user, _ = User.objects.get_or_create(
        username=f"invenicum-{user_id}",
        defaults={"email": email, "first_name": name[:150], "password": make_password(None)},
    )
    return user, Access(USER_SCOPES)


def _text(claim: object) -> str:
    """A claim as text; user ids may be numbers."""
    if isinstance(claim, bool) or not isinstance(claim, str | int):
        raise TypeError("not a text")
    return str(claim)


@cache
def _key(secret: str) -> OctKey:
    return OctKey.import_key(secret)


def current_user(request: Request) -> User:
    """The user behind an authenticated request."""
    assert isinstance(request.user, User)
    return request.user


def current_access(request: Request) -> Access:
    """What the token of an authenticated request allows."""
    assert isinstance(request.auth, Access)
    return request.auth

"""Access tokens of this server, and what they allow."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from .models import Application, User
from .scopes import USER_SCOPES


def _fields(model: type[Model], *names: str) -> list[str]:
    """The names in the order of the model's fields, as `from_db` needs them."""
    return [field.attname for field in model._meta.concrete_fields if field.attname in names]


def _columns(table: str, fields: Iterable[str]) -> str:
    return ", ".join(f"{table}.{field}" for field in fields)


TOKEN_FIELDS = _fields(AccessToken, "id", "user_id", "application_id", "scope", "expires", "token_checksum")
USER_FIELDS = _fields(User, "id", "account_id", "username", "email", "first_name", "is_active")
APPLICATION_FIELDS = _fields(Application, "id", "user_id", "client_type", "authorization_grant_type", "allowed_scopes")

# Finds tokens by their digests.
FIND_TOKENS = f"""
SELECT {_columns("token", TOKEN_FIELDS)}, {_columns("person", USER_FIELDS)},
       {_columns("service", USER_FIELDS)}, {_columns("application", APPLICATION_FIELDS)}
  FROM oauth2_provider_accesstoken token
  LEFT JOIN accounts_user person ON person.id = token.user_id
  LEFT JOIN accounts_application application ON application.id = token.application_id
  LEFT JOIN accounts_user service ON service.id = application.user_id
 WHERE token.expires > %s AND token.token_checksum IN ({{}})
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Origin:
    """The token of a request, so that what it begins can end with it: the SHA-256 of an access token, and its expiry.

    `checksum` is empty for a token of Invenicum, which nobody here can revoke; both are empty without a token.
    """

    checksum: str = ""
    expires_at: datetime | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the token would still be accepted, with the scopes that it needs to connect an integration."""
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return False
        if not self.checksum:
            return True
        row = AccessToken.objects.filter(token_checksum=self.checksum).select_related("user").first()
        holder = holder_of(row) if row else None
        return holder is not None and "integrations:write" in holder[1].scopes


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do, and its token: `request.auth` of an authenticated one."""

    scopes: frozenset[str]
    origin: Origin = Origin()


def issue_token(user: User, scopes: Iterable[str] = USER_SCOPES, lifetime: timedelta = timedelta(days=365)) -> str:
    """A new access token. It cannot be read again, because only its digest is stored."""
    token = secrets.token_urlsafe(32)
    row = AccessToken(user=user, scope=" ".join(sorted(scopes)), expires=timezone.now() + lifetime)
    set_token_value(row, token)
    row.save()
    return token


def find_token(token: str) -> AccessToken | None:
    """The row of an access token that has not expired, with its user and its application, or None."""
    return find_tokens([token]).get(token)


def find_tokens(tokens: Iterable[str]) -> dict[str, AccessToken]:
    """token → its row, with its user and its application; those that exist and have not expired.

    One statement for all. Plain SQL because each request needs it: building and compiling the same with the ORM takes
    as long as all else that a quick request does. Fields that an API request seldom needs are read when asked for.
    """
    by_checksum = {hashlib.sha256(token.encode()).hexdigest(): token for token in tokens}
    statement = FIND_TOKENS.format(", ".join(["%s"] * len(by_checksum)))
    with connection.cursor() as cursor:
        cursor.execute(statement, [connection.ops.adapt_datetimefield_value(timezone.now()), *by_checksum])
        rows = cursor.fetchall()
    found = map(_token, rows)
    return {by_checksum[row.token_checksum]: row for row in found}


def _token(values: Sequence[Any]) -> AccessToken:
    row = AccessToken.from_db(connection.alias, TOKEN_FIELDS, values[: len(TOKEN_FIELDS)])
    values = values[len(TOKEN_FIELDS) :]
    user, service_account = (_user(values[start : start + len(USER_FIELDS)]) for start in (0, len(USER_FIELDS)))
    application = None
    if row.application_id is not None:
        application = Application.from_db(connection.alias, APPLICATION_FIELDS, values[2 * len(USER_FIELDS) :])
        application.user = service_account
    row.user, row.application = user, application
    if timezone.is_naive(row.expires):
        row.expires = timezone.make_aware(row.expires, UTC)  # SQLite has no time zones
    return row


def _user(values: Sequence[Any]) -> User | None:
    if values[0] is None:
        return None
    user = User.from_db(connection.alias, USER_FIELDS, values)
    user.is_active = bool(user.is_active)  # SQLite has no booleans
    return user


def holder_of(row: AccessToken) -> tuple[User, Access] | None:
    """The user of a token and its access; None if it no longer allows anything.

    A service's token acts as its service account. Tokens lose a scope that their application has lost.
    """
    user, scopes, application = row.user, frozenset(row.scope.split()), row.application
    if application is not None:
        if not application.is_usable(None):
            return None
        scopes &= application.scopes
        user = user or (application.user if application.kind is application.Kind.SERVICE else None)
    if user is None or not user.is_active:
        return None
    return user, Access(scopes, Origin(row.token_checksum, row.expires))

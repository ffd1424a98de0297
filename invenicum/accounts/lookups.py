"""Finding who asks: tokens and accounts by plain SQL.

Each request needs it, and building and compiling the same with the ORM takes as long as all else that a quick request
does. The rows have the fields that requests need; others are read when they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone
from oauth2_provider.models import AccessToken

from invenicum.transactions import read_together

from .models import Application, User


def _fields(model: type[Model], *names: str) -> list[str]:
    """The names in the order of the model's fields, as `from_db` needs them."""
    return [field.attname for field in model._meta.concrete_fields if field.attname in names]


def _columns(table: str, fields: Iterable[str]) -> str:
    return ", ".join(f"{table}.{field}" for field in fields)


TOKEN_FIELDS = _fields(AccessToken, "id", "user_id", "application_id", "scope", "expires", "token_checksum")
USER_FIELDS = _fields(User, "id", "account_id", "username", "email", "first_name", "is_active", "removed_before")
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

# Finds users by their account ids.
FIND_ACCOUNTS = f"""
SELECT {_columns("person", USER_FIELDS)} FROM accounts_user person WHERE person.account_id IN ({{}})
"""  # noqa: S608 - made of constants


def find_token(token: str) -> AccessToken | None:
    """The row of an access token that has not expired, with its user and its application, or None."""
    return find_tokens([token]).get(token)


def find_tokens(tokens: Iterable[str]) -> dict[str, AccessToken]:
    """token → its row, with its user and its application; those that exist and have not expired. One statement."""
    return find_tokens_and_accounts(tokens, ())[0]


def find_accounts(account_ids: Collection[str]) -> dict[str, User]:
    """The users of these account ids that exist, by id. One statement."""
    return find_tokens_and_accounts((), account_ids)[1]


def find_tokens_and_accounts(
    tokens: Iterable[str], account_ids: Collection[str]
) -> tuple[dict[str, AccessToken], dict[str, User]]:
    """What `find_tokens` and `find_accounts` find, on PostgreSQL in one round trip."""
    by_checksum = {hashlib.sha256(token.encode()).hexdigest(): token for token in tokens}
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    token_rows, user_rows = read_together(
        (_listing(FIND_TOKENS, by_checksum), [now, *by_checksum]),
        (_listing(FIND_ACCOUNTS, account_ids), [*account_ids]),
    )
    found = {by_checksum[row.token_checksum]: row for row in map(_token, token_rows)}
    return found, {user.account_id: user for user in map(_user, user_rows) if user}


def _listing(statement: str, wanted: Collection[str]) -> str:
    """The statement for so many values; empty without any."""
    return statement.format(", ".join(["%s"] * len(wanted))) if wanted else ""


def _token(values: Sequence[Any]) -> AccessToken:
    row = AccessToken.from_db(connection.alias, TOKEN_FIELDS, values[: len(TOKEN_FIELDS)])
    row.expires = _aware(row.expires)
    values = values[len(TOKEN_FIELDS) :]
    row.user, service_account = (_user(values[start : start + len(USER_FIELDS)]) for start in (0, len(USER_FIELDS)))
    if row.application_id is not None:
        row.application = Application.from_db(connection.alias, APPLICATION_FIELDS, values[2 * len(USER_FIELDS) :])
        row.application.user = service_account
    return row


def _user(values: Sequence[Any]) -> User | None:
    if values[0] is None:
        return None
    user = User.from_db(connection.alias, USER_FIELDS, values)
    user.removed_before = _aware(user.removed_before)
    return user


def _aware(moment: Any) -> Any:
    """SQLite has no time zones: what it stores is UTC."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)

"""Who asks, for many requests at once: two statements, however many they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .authentication import bearer_of, identity_of, is_invenicum_token
from .invenicum_tokens import Identity, RefusedToken
from .lookups import find_accounts, find_tokens
from .models import User
from .scopes import USER_SCOPES
from .services import changed_details
from .tokens import holder_of


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a request shows: a token of this server, or what a token of the Invenicum app says."""

    token: str
    identity: Identity | None


def read_bearer(authorization: bytes) -> Bearer | None:
    """The bearer in an Authorization header; None if there is none, or a token that is refused."""
    token = bearer_of(authorization.decode("latin-1"))
    if not token:
        return None
    try:
        return Bearer(token, identity_of(token) if is_invenicum_token(token) else None)
    except RefusedToken:
        return None


def find_callers(bearers: Sequence[Bearer], scope: str) -> list[User | None]:
    """The user behind each bearer, in the same order.

    None if the token is not valid, lacks `scope`, or needs more than to be looked up: of a new account, with a changed
    e-mail address. The view decides about such a request.
    """
    tokens = find_tokens({one.token for one in bearers if one.identity is None})
    holders = {token: holder_of(row) for token, row in tokens.items()}
    accounts = find_accounts({one.identity.account_id for one in bearers if one.identity})
    found: list[User | None] = []
    for one in bearers:
        if one.identity is None:
            holder = holders.get(one.token)
            found.append(holder[0] if holder and scope in holder[1].scopes else None)
        else:
            user = accounts.get(one.identity.account_id)
            is_accepted = user and user.is_active and is_known(user, one.identity) and scope in USER_SCOPES
            found.append(user if is_accepted else None)
    return found


def is_known(user: User, identity: Identity) -> bool:
    """Whether a token of the Invenicum app says nothing about its user that has to be written or looked into."""
    return not user.removed_before and not changed_details(user, identity.email, identity.name)

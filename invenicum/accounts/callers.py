"""Who asks, for many requests at once: two statements, however many they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from oauth2_provider.models import AccessToken

from .authentication import bearer_of, identity_of, is_invenicum_token
from .invenicum_tokens import Identity, RefusedToken
from .lookups import find_tokens_and_accounts
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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what the token allows."""

    user: User
    scopes: Collection[str]


def find_callers(
    bearers: Sequence[Bearer], account_ids: Collection[str] = ()
) -> tuple[list[Caller | None], dict[str, User]]:
    """The caller behind each bearer, in the same order, and the users of `account_ids` and of callers, by account id.

    No caller if the token is not valid, or needs more than to be looked up: of a new account, with a changed e-mail
    address. The view decides about such a request.
    """
    tokens, accounts = find_tokens_and_accounts(
        {one.token for one in bearers if one.identity is None},
        {*account_ids, *(one.identity.account_id for one in bearers if one.identity)},
    )
    holders = {token: _holder(row) for token, row in tokens.items()}
    callers = [
        _known(accounts.get(one.identity.account_id), one.identity) if one.identity else holders.get(one.token)
        for one in bearers
    ]
    return callers, accounts


def _holder(row: AccessToken) -> Caller | None:
    holder = holder_of(row)
    return Caller(holder[0], holder[1].scopes) if holder else None


def _known(user: User | None, identity: Identity) -> Caller | None:
    """The caller whom a token of the Invenicum app names, if it says nothing that has to be written or looked into."""
    if user is None or not user.is_active or user.removed_before:
        return None
    return None if changed_details(user, identity.email, identity.name) else Caller(user, USER_SCOPES)

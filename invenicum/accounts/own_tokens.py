"""The access tokens of a user as that user sees them: listed without their values, made, and revoked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from oauth2_provider.models import AccessToken

from invenicum.quotas import TOKENS

from .models import User
from .scopes import USER_SCOPES
from .services import lock_account
from .tokens import issue_token, revoke

LISTED_TOKENS = 100
# The beginning of a token's SHA-256, by which a form names it.
MARK_CHARACTERS = 16
LIFETIMES_DAYS = (7, 30, 90, 365)


def live_tokens(owner: User) -> list[AccessToken]:
    """The owner's tokens that have not expired, the newest first, at most LISTED_TOKENS, with their applications."""
    return list(_live(owner).select_related("application").order_by("-created")[:LISTED_TOKENS])


def mark_of(token: AccessToken) -> str:
    """What names a token in a form, e.g. `80ec8a89ce3cd221`."""
    return str(token.token_checksum)[:MARK_CHARACTERS]


@transaction.atomic
def make_token(owner: User, scopes: Collection[str], days: int) -> str:
    """A new token of the owner with some of USER_SCOPES, for so many days. It cannot be read again.

    Raises ValueError for no scope, another scope or a lifetime that is not in LIFETIMES_DAYS, and QuotaExceeded.
    """
    if not scopes or not set(scopes) <= USER_SCOPES or days not in LIFETIMES_DAYS:
        raise ValueError
    lock_account(owner)
    TOKENS.check(_live(owner).count())
    return issue_token(owner, scopes, timedelta(days=days))


def revoke_token(owner: User, mark: str) -> bool:
    """Revokes the owner's token of that mark, with its refresh token; returns whether there was one.

    Sessions and links that were opened with it end with it.
    """
    if len(mark) != MARK_CHARACTERS:
        return False
    token = _live(owner).filter(token_checksum__startswith=mark).first()
    if token is None:
        return False
    revoke(token)
    return True


def _live(owner: User) -> QuerySet[AccessToken]:
    rows: QuerySet[AccessToken] = AccessToken.objects.filter(user=owner, expires__gt=timezone.now())
    return rows

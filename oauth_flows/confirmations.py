"""Connections that count only once the app of the user who began them has confirmed them.

The one-time result code goes to the app through the browser in which the consent was given. Only a person who has both,
that browser and a token of the user who began, can turn it into a connection: a start link that another person was
tricked into opening connects nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.accounts.services import lock_account
from invenicum.accounts.tokens import Origin
from invenicum.audit.services import Action, record, record_failure
from invenicum.encrypted_fields import DecryptionError

from .browser_session import digest
from .clients import client_for
from .code_exchange import Connection
from .connect import Connected, connect
from .errors import OAuthError
from .models import Revocation, UnconfirmedConnection
from .protocol import Client, Tokens
from .refresh import columns_of
from .revoke import remove_target, schedule
from .token_answers import account_key

CONFIRMATION_LIFETIME = timedelta(minutes=10)
CHANGED = "The set-up of this server has changed meanwhile. Please start again."
TOKEN_ENDED = "The sign-in that this was started with has ended. Please start again."
STALE_RESULT = "This result has expired, was used already, or belongs to another user. Please start again."

log = structlog.get_logger(__name__)


class ConfirmationRefused(OAuthError):
    """The connection `found` is not confirmed by this request."""

    def __init__(self, message: str, found: UnconfirmedConnection):
        super().__init__(message)
        self.found = found


@transaction.atomic
def keep(owner: User, client: Client, connection: Connection, origin: Origin) -> str:
    """Keeps what a provider granted until the app of `owner` confirms it. Returns the one-time result code.

    `origin` is the token that the flow began with: what is not confirmed before it ends is revoked.
    """
    result, now = secrets.token_urlsafe(32), timezone.now()
    UnconfirmedConnection.objects.create(
        result_digest=digest(result),
        owner=owner,
        type=client.type,
        account=connection.account,
        account_key=account_key(client.spec, connection.tokens.answer, connection.account),
        client_id=client.client_id,
        servers=client.servers,
        token_checksum=origin.checksum,
        token_expires_at=origin.expires_at,
        tokens=asdict(connection.tokens),
        issued_at=now,
        expires_at=now + CONFIRMATION_LIFETIME,
    )
    record(Action.CONSENTED, type=client.type, owner=owner, actor=None, account=connection.account)
    return result


def confirm(user: User, result: str) -> Connected:
    """Connects the integration that a result code of `user` is about. The code cannot be used again.

    Raises OAuthError, with the same message whether the code is unknown, used, expired or another user's;
    ConfirmationRefused if the code exists. What cannot be connected is left to `expire`.
    """
    # Looked up by digest, so that its duration reveals nothing about existing codes.
    live = UnconfirmedConnection.objects.filter(expires_at__gt=timezone.now()).defer("tokens")
    found = live.filter(result_digest=digest(result)).first()
    if found is None:
        raise OAuthError(STALE_RESULT)
    try:
        if found.owner_id != user.pk:
            raise OAuthError(STALE_RESULT)
        return _confirm(user, found.pk)
    except OAuthError as error:
        raise ConfirmationRefused(error.message, found) from None


def audit_refusal(error: ConfirmationRefused) -> None:
    """Adds a refused confirmation to the audit trail. Called outside the transaction that the refusal has undone."""
    found = error.found
    record_failure(
        Action.CONNECT_FAILED, type=found.type, owner_id=found.owner_id, account=found.account, detail=error.message
    )


@transaction.atomic
def _confirm(user: User, key: str) -> Connected:
    if not lock_account(user):  # locked first, as its removal does
        raise OAuthError(STALE_RESULT)
    try:
        # A second request waits here until the first has removed the row.
        found = UnconfirmedConnection.objects.select_for_update().filter(pk=key).first()
    except DecryptionError:
        raise OAuthError(CHANGED) from None
    if found is None:
        raise OAuthError(STALE_RESULT)
    if not found.has_valid_token:
        raise OAuthError(TOKEN_ENDED)
    client = client_for(found.type)
    if not found.is_of(client):
        raise OAuthError(CHANGED)
    integration = connect(user, client, Connection(_tokens(found), found.account))
    found.delete()
    return Connected(integration, client.name)


def expired(now: datetime | Now) -> QuerySet[UnconfirmedConnection]:
    """The connections that were not confirmed in time, at `now`: a time or an expression of the database."""
    return UnconfirmedConnection.objects.filter(expires_at__lte=now).defer("tokens")


def expire(limit: int = 20) -> int:
    """Ends at most `limit` connections that were not confirmed in time, and queues the revocation of their tokens.

    Returns how many.
    """
    return sum(_expire(found) for found in expired(timezone.now()).order_by("expires_at")[:limit])


@transaction.atomic
def _expire(found: UnconfirmedConnection) -> bool:
    locked = UnconfirmedConnection.objects.select_for_update(skip_locked=True).defer("tokens")
    if not locked.filter(pk=found.pk).exists():
        return False
    end(found)
    return True


def end(found: UnconfirmedConnection) -> None:
    """Removes a connection that can no longer be confirmed, in the caller's transaction, and queues the revocation
    of its tokens."""
    record(Action.NOT_CONFIRMED, type=found.type, owner_id=found.owner_id, account=found.account)
    _schedule_revocation(found)
    UnconfirmedConnection.objects.filter(pk=found.pk).delete()


def _tokens(found: UnconfirmedConnection) -> Tokens:
    kept = Tokens(**found.tokens)
    scopes = None if kept.scopes is None else tuple(kept.scopes)
    if kept.expires_in is None:
        return replace(kept, scopes=scopes)
    left = kept.expires_in - (timezone.now() - found.issued_at).total_seconds()
    return replace(kept, scopes=scopes, expires_in=max(0, left))


def _schedule_revocation(found: UnconfirmedConnection) -> None:
    try:
        tokens = Tokens(**found.tokens)
    except DecryptionError:  # without the key the provider cannot be called
        log.warning("unconfirmed_not_revoked", type=found.type)
        return
    columns = columns_of(tokens, found.issued_at)
    kept = {name: columns[name] for name in ("tokens", "expires_at")}
    owned = {"owner_id": found.owner_id, "account": found.account, "account_key": found.account_key}
    of_client = {"client_id": found.client_id, "servers": found.servers}
    schedule(Revocation(type=found.type, **owned, **of_client, **kept))
    remove_target(found.type, found.owner_id, tokens)

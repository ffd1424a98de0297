"""Authorizations under way: begun by a user, finished by the provider's redirect (RFC 6749, 4.1; RFC 9700)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from integrations import outgoing_slots
from integrations.egress.curl import run_flow
from invenicum.accounts.models import User
from invenicum.accounts.redirect_uris import is_plain_address
from invenicum.accounts.tokens import Origin
from invenicum.audit.services import Action, record_failure

from . import browser_session
from .browser_session import digest
from .clients import client_for, redirect_uri
from .code_exchange import connect_flow
from .confirmations import CHANGED, TOKEN_ENDED, keep
from .connect import Connected, connect, revoke_unused
from .errors import OAuthError, TokensUnused
from .models import Authorization
from .protocol import Client, authorization_url
from .return_urls import is_allowed_return

AUTHORIZATION_LIFETIME = timedelta(minutes=10)
NO_TOKEN = Origin()
STALE = "This sign-in has expired, has already been used, or was started in another browser. Please start again."
APPROVED = "Invenicum is approved for the organisation now. Everyone in it can go back to Invenicum and connect."


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorization has begun: the browser goes to `authorization_url`, which carries `state`."""

    authorization_url: str
    state: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The flow began with a start link: the app that `return_url` leads to confirms the connection with `result`."""

    type: str
    return_url: str
    result: str = field(repr=False)


def begin(
    user: User, integration_type: str, session: SessionBase, return_url: str = "", origin: Origin = NO_TOKEN
) -> Begun:
    """Begins to connect an integration of `user` in the browser of this `session`.

    `return_url` is the absolute address of the app's page to return to; its origin must be in `OAUTH_RETURN_ORIGINS`.
    `origin` is the token of the request: what it began ends with it.
    Raises UnknownType, NotConfigured, or OAuthError for an address that is not allowed.
    """
    client = client_for(integration_type)
    if return_url:
        check_return_url(return_url)
    return open_authorization(client, user, browser_session.bind(session, user, origin), return_url, origin)


def check_return_url(return_url: str) -> None:
    """Raises OAuthError if a browser must not be sent to this address. Pages of the portal are always allowed."""
    is_own_page = return_url.startswith(f"{settings.PUBLIC_URL}/portal/") and is_plain_address(return_url)
    if not is_own_page and not is_allowed_return(return_url, settings.OAUTH_RETURN_ORIGINS):
        raise OAuthError("The returnUrl does not belong to an origin in OAUTH_RETURN_ORIGINS.")


def open_authorization(
    client: Client,
    owner: User,
    browser_digest: str,
    return_url: str,
    origin: Origin,
    *,
    needs_confirmation: bool = False,
) -> Begun:
    """Begins an authorization in the browser that carries the mark of `browser_digest`, with the token `origin`.

    `needs_confirmation`: it was begun with a start link, and the owner's app has to confirm the connection.
    """
    now = timezone.now()
    Authorization.objects.filter(expires_at__lt=now - AUTHORIZATION_LIFETIME).delete()
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    Authorization.objects.create(
        state_digest=digest(state),
        browser_digest=browser_digest,
        owner=owner,
        type=client.type,
        client_id=client.client_id,
        servers=client.servers,
        token_checksum=origin.checksum,
        token_expires_at=origin.expires_at,
        code_verifier=verifier,
        return_url=return_url,
        needs_confirmation=needs_confirmation,
        expires_at=now + AUTHORIZATION_LIFETIME,
    )
    return Begun(authorization_url(client, redirect_uri(client.type), state, verifier), state)


def finish(
    integration_type: str, params: Mapping[str, str], session: SessionBase, user: User | None = None
) -> Connected | Unconfirmed:
    """Connects the integration that a provider's redirect, with the query `params`, is about.

    `session` is that of the browser; `user` is the owner of a bearer token sent along, and must be who began it. What
    began with a start link is kept unconfirmed instead.
    Raises OAuthError, with the page to return to once it is known; nothing is stored then but an audit entry. Raises
    QuotaExceeded if too many threads wait for other services: the same redirect can be sent again.
    """
    # Two requests, each with the time that one delivery has.
    timeout = 2 * settings.DELIVERY_TIMEOUT
    with outgoing_slots.hold(timeout):
        return _answered(integration_type, params, session, user, timeout)


def _answered(
    integration_type: str, params: Mapping[str, str], session: SessionBase, user: User | None, timeout: float
) -> Connected | Unconfirmed:
    if params.get("admin_consent", "").lower() == "true" and "error" not in params:
        raise OAuthError(APPROVED)  # an administrator comes back from `protocol.admin_consent_url`
    authorization = _take(params.get("state", ""), session)
    owner, return_url = authorization.owner, authorization.return_url
    try:
        if user is not None and user.pk != owner.pk:
            raise OAuthError(STALE)
        return _finish(authorization, integration_type, params, timeout)
    except OAuthError as error:
        is_of_app = authorization.needs_confirmation
        actor = None if is_of_app else owner
        record_failure(Action.CONNECT_FAILED, type=authorization.type, owner=owner, actor=actor, detail=error.message)
        raise OAuthError(error.message, return_url, is_of_app=is_of_app) from None


def _take(state: str, session: SessionBase) -> Authorization:
    """The authorization of this `state`, which cannot be used again. Raises OAuthError if this browser has none."""
    mark = browser_session.mark_of(session)
    # Looked up by digest, so that its duration reveals nothing about existing states.
    found = Authorization.objects.filter(state_digest=digest(state)).select_related("owner").first()
    if found is None:
        raise OAuthError(STALE)
    if found.needs_confirmation:
        is_begun_here = browser_session.has_link_mark(session, found.browser_digest)
    else:
        is_begun_here = mark.is_of(found.owner, found.browser_digest)
    if not is_begun_here:
        raise OAuthError(STALE)
    # Of two simultaneous callbacks the database lets one delete it.
    if not found.owner.is_active or Authorization.objects.filter(pk=found.pk).delete()[0] == 0:
        raise OAuthError(STALE)
    return found


def _finish(
    authorization: Authorization, integration_type: str, params: Mapping[str, str], timeout: float
) -> Connected | Unconfirmed:
    if authorization.type != integration_type:
        raise OAuthError("The answer came from another service than the one that was asked. Please start again.")
    if authorization.expires_at <= timezone.now():
        raise OAuthError("Signing in took longer than ten minutes. Please start again.")
    if not authorization.has_valid_token:
        raise OAuthError(TOKEN_ENDED)
    client = client_for(integration_type)
    if not authorization.is_of(client):  # the code is of another client, or of another server
        raise OAuthError(CHANGED)
    flow = connect_flow(client, redirect_uri(integration_type), authorization.code_verifier, params)
    try:
        connection = run_flow(flow, timeout)
        if authorization.needs_confirmation:
            result = keep(authorization.owner, client, connection, authorization.origin)
            return Unconfirmed(client.type, authorization.return_url, result)
        integration = connect(authorization.owner, client, connection)
    except TokensUnused as error:
        revoke_unused(authorization.owner, client, error.tokens)
        raise
    return Connected(integration, client.name, authorization.return_url)

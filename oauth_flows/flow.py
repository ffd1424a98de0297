"""The authorization code flow (RFC 6749, 4.1; RFC 9700): from the redirect to the provider until the connection."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.utils import timezone

from integrations.core.answers import excerpt
from integrations.core.errors import IntegrationError
from integrations.core.http import Flow
from integrations.egress.curl import run_flow
from integrations.models import Integration

from .audit import Action, audit
from .clients import client_for, redirect_uri
from .connect import give_back, store
from .errors import OAuthError
from .models import Authorization
from .protocol import (
    Client,
    Tokens,
    authorization_url,
    exchange_request,
    identity_request,
    is_issuer,
    read_account,
    read_tokens,
    value_at,
)

LIFETIME = timedelta(minutes=10)
SESSION_KEY = "oauth"
MAY_TRY_AGAIN = 3600  # seconds for which a browser that began a flow may begin another without a token

STALE = "This sign-in has expired, was used already, or was begun in another browser. Please start again."
SENTENCES = {
    "access_denied": "The access was not granted, so nothing was connected.",
    "temporarily_unavailable": "{name} is not available at the moment. Please try again in a few minutes.",
    "server_error": "{name} had a problem of its own. Please try again in a few minutes.",
    "invalid_scope": "{name} does not grant what Invenicum asks for: its client there lacks a permission.",
    "unauthorized_client": "{name} does not accept the client of this server: whoever runs it has to check it.",
}

Session = Any  # a Django session: a mapping that can be given a new key


@dataclass(frozen=True, slots=True)
class Begun:
    authorization_url: str
    state: str


@dataclass(frozen=True, slots=True)
class Connected:
    integration: Integration
    name: str
    return_url: str


def begin(user: User, integration_type: str, session: Session, return_url: str = "") -> Begun:
    """Starts a flow in this browser. Raises UnknownType or OAuthError."""
    client = client_for(integration_type)
    if return_url and not is_allowed_return(return_url, settings.OAUTH_RETURN_ORIGINS):
        raise OAuthError("The returnUrl does not belong to an origin in OAUTH_RETURN_ORIGINS.")
    now = timezone.now()
    Authorization.objects.filter(expires_at__lt=now - LIFETIME).delete()
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    Authorization.objects.create(
        state_digest=_digest(state),
        browser_digest=_digest(_bind(session, user)),
        owner=user,
        type=integration_type,
        code_verifier=verifier,
        return_url=return_url,
        expires_at=now + LIFETIME,
    )
    return Begun(authorization_url(client, redirect_uri(integration_type), state, verifier), state)


def is_allowed_return(url: str, origins: Iterable[str]) -> bool:
    """Whether a browser may be sent to `url`: its origin is one of `origins`, letter by letter."""
    # What a browser would repair, it may repair into another origin.
    if len(url) > 2000 or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        has_user = parts.username is not None
    except ValueError:
        return False
    return not has_user and f"{parts.scheme}://{parts.netloc}" in {origin.rstrip("/") for origin in origins}


def finish(integration_type: str, params: Mapping[str, str], session: Session, user: User | None = None) -> Connected:
    """What a provider's redirect leads to: a connected integration, or an OAuthError and nothing stored.

    `user` is who else says to be asking, by a bearer token.
    """
    authorization = _take(params.get("state", ""), session)
    owner, return_url = authorization.owner, authorization.return_url
    try:
        if user is not None and user.pk != owner.pk:
            raise OAuthError(STALE)
        return _finish(authorization, integration_type, params)
    except OAuthError as error:
        audit(Action.CONNECT_FAILED, authorization.type, owner=owner, actor=owner, detail=error.message)
        raise OAuthError(error.message, return_url) from None


def _take(state: str, session: Session) -> Authorization:
    """The flow that `state` stands for, which is then used up. Raises OAuthError where it is not this browser's."""
    browser = session.get(SESSION_KEY) or {}
    # Looked up by digest, so that the time it takes says nothing about the states there are.
    found = Authorization.objects.filter(state_digest=_digest(state)).select_related("owner").first()
    mine = found is not None and hmac.compare_digest(found.browser_digest, _digest(browser.get("id", "")))
    if found is None or not mine or browser.get("user") != found.owner_id or not found.owner.is_active:
        raise OAuthError(STALE)
    # Of two callbacks at once the database lets one delete it.
    if Authorization.objects.filter(pk=found.pk).delete()[0] == 0:
        raise OAuthError(STALE)
    return found


def _finish(authorization: Authorization, integration_type: str, params: Mapping[str, str]) -> Connected:
    if authorization.type != integration_type:
        raise OAuthError("The answer came from another service than the one that was asked. Please start again.")
    if authorization.expires_at <= timezone.now():
        raise OAuthError("Signing in took longer than ten minutes. Please start again.")
    client = client_for(integration_type)
    if error := params.get("error"):
        sentence = SENTENCES.get(error, "{name} did not connect ({error}). Please try again.")
        raise OAuthError(sentence.format(name=client.name, error=excerpt(error, 60)))
    if "iss" in params and not is_issuer(client.spec, params["iss"]):
        raise OAuthError("The answer came from another server than the one that was asked. Please start again.")
    code = params.get("code", "")
    if not code:
        raise OAuthError(f"{client.name} sent no authorization code. Please try again.")
    tokens = _exchange(client, code, authorization.code_verifier)
    try:
        _check_scopes(client, tokens)
        account = _account(client, tokens)
        integration = _store(authorization.owner, client, tokens, account)
    except OAuthError:
        give_back(client, tokens)
        raise
    return Connected(integration, client.name, authorization.return_url)


def _exchange(client: Client, code: str, verifier: str) -> Tokens:
    def flow() -> Flow[Tokens]:
        response = yield exchange_request(client, redirect_uri(client.type), code, verifier)
        return read_tokens(client, response)

    try:
        return run_flow(flow())
    except IntegrationError as error:
        raise OAuthError(f"{error.message} Please try again.") from None


def _check_scopes(client: Client, tokens: Tokens) -> None:
    lacking = set(client.spec.needed_scopes) - set(tokens.scopes or client.spec.needed_scopes)
    if lacking:
        names = " and ".join(sorted(lacking))
        raise OAuthError(f"A permission that is needed was not granted: {names}. Please try again and leave it ticked.")


def _account(client: Client, tokens: Tokens) -> str:
    said = value_at(tokens.answer, client.spec.account) if client.spec.account else None
    if isinstance(said, str) and said.strip():
        return excerpt(said, 255)
    if not (client.spec.identity_url and client.spec.identity_field):
        return ""

    def flow() -> Flow[str]:
        response = yield identity_request(client, tokens.access)
        return read_account(client, response)

    try:
        return run_flow(flow())
    except IntegrationError as error:
        raise OAuthError(f"{error.message} Please try again.") from None


def _store(owner: User, client: Client, tokens: Tokens, account: str) -> Integration:
    try:
        return store(owner, client, tokens, account)
    except IntegrityError:  # another request created the integration in the meantime: now it is there
        return store(owner, client, tokens, account)


def _bind(session: Session, user: User) -> str:
    """What marks this browser as the one that began a user's flows. Another user gets another mark."""
    browser: MutableMapping[str, Any] = session.get(SESSION_KEY) or {}
    if browser.get("user") != user.pk:
        session.cycle_key()
        browser = {"id": secrets.token_urlsafe(32), "user": user.pk}
    session[SESSION_KEY] = {**browser, "until": int(time.time()) + MAY_TRY_AGAIN}
    return str(browser["id"])


def user_of(session: Session) -> User | None:
    """The user whose flow this browser began not long ago."""
    browser = session.get(SESSION_KEY) or {"user": 0, "until": 0}
    if browser["until"] < time.time():
        return None
    return User.objects.filter(pk=browser["user"], is_active=True).first()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

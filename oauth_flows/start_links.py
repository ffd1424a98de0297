"""One-time links with which an app begins an authorization in a browser that shares no cookies with it.

The app asks for the link with its user's token and opens it in the system's browser. Since a link can be sent to
another person, the result is an unconfirmed connection (`confirmations`): session fixation, RFC 9700, 4.7.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.accounts.tokens import Origin
from invenicum.api.addresses import PREFIX

from . import browser_session
from .authorizations import NO_TOKEN, Begun, check_return_url, open_authorization
from .browser_session import digest
from .clients import client_for
from .errors import OAuthError
from .models import StartLink

START_LINK_LIFETIME = timedelta(minutes=10)
OPEN_PATH = f"{PREFIX}/integrations/oauth/open/"
STALE_LINK = "This link has expired or was used already. Please start again in the app."


@dataclass(frozen=True, slots=True)
class Started:
    """An app can open `start_url` in a browser, once, until `expires_at`."""

    start_url: str = field(repr=False)
    expires_at: datetime


def start(user: User, integration_type: str, return_url: str, origin: Origin = NO_TOKEN) -> Started:
    """Makes a link with which a browser begins to connect an integration of `user`.

    `return_url` is the absolute address that the browser goes to in the end, e.g. `invenicum://oauth`; its origin or
    custom scheme must be in `OAUTH_RETURN_ORIGINS`. `origin` is the token of the request: the link and what comes of it
    end with it. Raises UnknownType, NotConfigured, or OAuthError for an address that is not allowed.
    """
    client_for(integration_type)
    check_return_url(return_url)
    now, code = timezone.now(), secrets.token_urlsafe(32)
    link = StartLink.objects.create(
        code_digest=digest(code),
        owner=user,
        type=integration_type,
        return_url=return_url,
        token_checksum=origin.checksum,
        token_expires_at=origin.expires_at,
        expires_at=now + START_LINK_LIFETIME,
    )
    url = f"{settings.PUBLIC_URL}{OPEN_PATH}{integration_type}?{urlencode({'code': code})}"
    return Started(url, link.expires_at)


def look_up(integration_type: str, code: str) -> StartLink:
    """The link of this code, which stays as it is. Raises OAuthError if it does not work any more, or never did."""
    # Looked up by digest, so that its duration reveals nothing about existing codes.
    live = StartLink.objects.filter(expires_at__gt=timezone.now(), owner__is_active=True, type=integration_type)
    link = live.filter(code_digest=digest(code)).select_related("owner").first()
    if link is None or not link.has_valid_token:
        raise OAuthError(STALE_LINK)
    return link


def use(integration_type: str, code: str, session: SessionBase) -> Begun:
    """Begins the authorization that a link is for in the browser of this `session`; the link cannot be used again.

    Raises OAuthError or NotConfigured.
    """
    link = look_up(integration_type, code)
    client = client_for(integration_type)
    # Of two requests at once the database lets one delete it.
    if StartLink.objects.filter(pk=link.pk).delete()[0] == 0:
        raise OAuthError(STALE_LINK)
    mark = browser_session.bind_link(session)
    return open_authorization(client, link.owner, mark, link.return_url, link.origin, needs_confirmation=True)


def expired(now: datetime | Now) -> QuerySet[StartLink]:
    """The links that can no longer be used at `now`, a time or an expression of the database."""
    return StartLink.objects.filter(expires_at__lte=now)


def remove_expired() -> None:
    """Removes the links that can no longer be used."""
    expired(timezone.now()).delete()

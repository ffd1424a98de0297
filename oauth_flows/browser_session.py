"""The session of a browser that began an authorization, or opened a start link: only that browser can finish it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from invenicum.accounts.models import User
from invenicum.accounts.tokens import Origin

SESSION_KEY = "oauth"
LINK_SESSION_KEY = "oauth_link"
# For this long after it began an authorization, a browser may begin another one without a token.
TRY_AGAIN_SECONDS = 3600


def bind(session: SessionBase, user: User, origin: Origin) -> str:
    """Marks this browser as the one that begins authorizations for `user` with the token `origin`; returns the digest
    of the mark.

    The mark stays the same until another user begins an authorization in this browser.
    """
    browser = _browser(session)
    if browser.get("user") != user.pk:
        session.cycle_key()
        browser = {"id": secrets.token_urlsafe(32), "user": user.pk}
    until = int(time.time()) + TRY_AGAIN_SECONDS
    expires = origin.expires_at.timestamp() if origin.expires_at else None
    session[SESSION_KEY] = {**browser, "until": until, "token": origin.checksum, "token_expires": expires}
    return digest(str(browser["id"]))


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of a browser that began an authorization: a random id, and the user's primary key."""

    id: str
    user: int | None

    def is_of(self, user: User, mark_digest: str) -> bool:
        """Whether it is the mark of that digest, made for `user`."""
        return hmac.compare_digest(mark_digest, digest(self.id)) and self.user == user.pk


def mark_of(session: SessionBase) -> Mark:
    """The mark that this browser carries; one that belongs to no user if it carries none."""
    browser = _browser(session)
    return Mark(browser.get("id", ""), browser.get("user"))


def origin_of(session: SessionBase) -> Origin:
    """The token with which this browser last began an authorization."""
    browser = _browser(session)
    expires = browser.get("token_expires")
    return Origin(browser.get("token", ""), datetime.fromtimestamp(expires, UTC) if expires else None)


def user_of(session: SessionBase) -> User | None:
    """The user for whom this browser began an authorization within the last hour, as long as its token is valid."""
    browser = _browser(session)
    if browser.get("until", 0) < time.time() or not origin_of(session).is_valid:
        return None
    return User.objects.filter(pk=browser["user"], is_active=True).first()


def bind_link(session: SessionBase) -> str:
    """Marks this browser as one that opened a start link; returns the digest of the mark.

    The mark says nothing about who uses the browser: the link's owner may have sent it to another person, and must not
    be able to begin anything in that person's browser.
    """
    if LINK_SESSION_KEY not in session:
        session.cycle_key()
        session[LINK_SESSION_KEY] = secrets.token_urlsafe(32)
    return digest(session[LINK_SESSION_KEY])


def has_link_mark(session: SessionBase, mark_digest: str) -> bool:
    """Whether this browser carries the mark of that digest, which `bind_link` made."""
    return hmac.compare_digest(mark_digest, digest(session.get(LINK_SESSION_KEY, "")))


def digest(text: str) -> str:
    """SHA-256 in hexadecimal: what is stored of a state, of a browser's mark and of one-time codes."""
    return hashlib.sha256(text.encode()).hexdigest()


def _browser(session: SessionBase) -> dict[str, Any]:
    browser: dict[str, Any] = session.get(SESSION_KEY) or {}
    return browser

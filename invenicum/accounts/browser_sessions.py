"""The sessions of a user: listed, and ended. Of browsers that signed in here, and of those that opened a link."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import models
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from invenicum.api.addresses import client_address
from invenicum.audit.services import Action, record

from . import portal_sessions
from .browser_names import browser_name
from .models import BrowserSession, OpenedBy, PortalSession, User
from .portal_sessions import LISTED_SESSIONS
from .session_store import OPENED


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session that has not ended.

    `id` names it in a form and does not open it. `has_link`: it was opened with a link and is for the portal only.
    `read_only`: it can change nothing. `supporter` is the name of the member of staff who looks at the portal as the
    user, empty otherwise. `browser` is the `User-Agent`, and `browser_name` what people call it.
    """

    id: str
    opened_at: datetime | None
    expires_at: datetime
    address: str | None
    browser: str
    is_current: bool
    has_link: bool = False
    supporter: str = ""
    read_only: bool = False

    @property
    def is_signed_in(self) -> bool:
        """Whether its user signed in here, instead of coming by a link."""
        return not (self.has_link or self.supporter)

    @property
    def browser_name(self) -> str:
        return browser_name(self.browser)


def open_sessions(user: User, current_id: str = "") -> list[OpenSession]:
    """The sessions of a user that have not ended, the newest first, a hundred of each kind at most.

    `current_id`: `session_id` of the key that the browser has which asks.
    """
    signed_in = BrowserSession.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-expire_date")
    by_link = portal_sessions.live_sessions(user)
    found = [*_signed_in(signed_in[:LISTED_SESSIONS], current_id), *_by_link(by_link, current_id)]
    return sorted(found, key=lambda session: session.opened_at or session.expires_at, reverse=True)


def session_id(key: str) -> str:
    """What a session is called in forms, made of the key that its browser has: the SHA-256 of it."""
    return hashlib.sha256(key.encode()).hexdigest()


def end(user: User, which: str, *, signed_in: bool = True) -> bool:
    """Ends the session of a user with this id; `signed_in`: also one that did not come by a link.

    Returns whether there was one.
    """
    return bool(_end(user, lambda name: name == which, signed_in=signed_in))


def end_all(user: User, but: str = "") -> int:
    """Ends the sessions of a user, except that of the id `but`, and returns how many. Access tokens stay."""
    return _end(user, lambda name: name != but)


def _end(user: User, is_meant: Callable[[str], bool], *, signed_in: bool = True) -> int:
    rows: list[models.Model] = []
    if signed_in:
        mine = BrowserSession.objects.filter(user=user)
        rows += [row for row in mine if is_meant(session_id(row.session_key))]
    rows += [row for row in PortalSession.objects.filter(owner=user) if is_meant(row.key_digest)]
    for row in rows:
        row.delete()
    if rows:
        record(Action.SESSION_ENDED, target=f"user:{user.public_id}", owner=user, detail=f"{len(rows)} ended.")
    return len(rows)


def _signed_in(rows: Iterable[BrowserSession], current_id: str) -> Iterator[OpenSession]:
    for row in rows:
        name = session_id(row.session_key)
        yield OpenSession(
            id=name,
            opened_at=row.opened_at,
            expires_at=row.expire_date,
            address=row.address,
            browser=row.browser,
            is_current=name == current_id,
        )


def _by_link(rows: Iterable[PortalSession], current_id: str) -> Iterator[OpenSession]:
    for row in rows:
        yield OpenSession(
            id=row.key_digest,
            has_link=row.supporter is None,
            read_only=row.read_only,
            supporter=row.supporter.get_username() if row.supporter else "",
            opened_at=row.opened_at,
            expires_at=row.expires_at,
            address=row.address,
            browser=row.browser,
            is_current=row.key_digest == current_id,
        )


def browser_of(request: HttpRequest) -> dict[str, Any]:
    """The columns that say which browser opens a session: `address` and `browser`."""
    agent = request.headers.get("User-Agent", "").replace("\0", "")[: OpenedBy.MAX_BROWSER_LENGTH]
    return {"address": client_address(request), "browser": agent}


@receiver(user_logged_in)
def on_signed_in(request: HttpRequest | None, **kwargs: Any) -> None:
    """Keeps in the session when, where and with what it was opened. Its row is written at the end of the request."""
    if request is not None and hasattr(request, "session"):
        request.session[OPENED] = {"opened_at": timezone.now().isoformat(), **browser_of(request)}

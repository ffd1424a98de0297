"""Links to the portal, and the sessions that they open.

An app asks for a link with its user's token and opens it in a browser, once. The code is in the fragment of the link,
which no server and no log sees. Link and session have at most the scopes of the token and end with it. Of codes and
session keys only digests are stored.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models import Q
from django.dispatch import receiver
from django.utils import timezone
from oauth2_provider.models import AccessToken

from invenicum.audit.services import Action, record

from .models import OfPortal, PortalLink, PortalSession, User
from .scopes import USER_SCOPES
from .tokens import Access, Origin, holder_of

LINK_MAX_SECONDS = 600
SESSION_LIFETIME = timedelta(hours=8)
SUPPORT_VIEW_LIFETIME = timedelta(minutes=15)
# For this long an expired link still says where its user came from.
LINK_MEMORY = timedelta(days=1)
LISTED_SESSIONS = 100
OPEN_PATH = "/portal/open"


class LinkRefused(Exception):
    """The link was used, has expired, has ended with its token, or never existed.

    `return_url`: where its user came from; empty if that is not known.
    """

    def __init__(self, return_url: str = ""):
        super().__init__("The link does not work any more.")
        self.return_url = return_url


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """What the asker of a link chooses.

    `path`: of the page that it opens, below `/portal`, e.g. `/services/slack`. `expires_in`: seconds. `embed`: the page
    is shown in a frame. `return_url`: the address that the portal leads back to, which the caller has checked.
    `theme`: `system`, `light` or `dark`. `accent`: a color as `#2456d6`, or empty. `lang`: e.g. `de`, or empty.
    """

    path: str = "/"
    expires_in: int = LINK_MAX_SECONDS
    read_only: bool = False
    embed: bool = False
    return_url: str = ""
    theme: str = OfPortal.Theme.SYSTEM
    accent: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A browser can open `url`, once, until `expires_at`."""

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A session was opened: the browser keeps `key` in a cookie and goes to `path` below `/portal`."""

    key: str = field(repr=False)
    session: PortalSession
    path: str


def create_link(owner: User, access: Access, options: LinkOptions) -> NewLink:
    """Makes a one-time link with which a browser opens the portal as `owner`, with at most the scopes of `access`."""
    now, code = timezone.now(), secrets.token_urlsafe(32)
    PortalLink.objects.filter(owner=owner, expires_at__lt=now - LINK_MEMORY).delete()
    expires_at = now + timedelta(seconds=min(options.expires_in, LINK_MAX_SECONDS))
    link = PortalLink.objects.create(
        code_digest=_digest(code),
        owner=owner,
        scopes=" ".join(sorted(access.scopes)),
        token_checksum=access.origin.checksum,
        token_expires_at=access.origin.expires_at,
        path=options.path,
        read_only=options.read_only,
        embed=options.embed,
        return_url=options.return_url,
        theme=options.theme,
        accent=options.accent,
        lang=options.lang,
        expires_at=min(expires_at, access.origin.expires_at or expires_at),
    )
    record(Action.PORTAL_LINK_MADE, owner=owner, detail="Read-only." if options.read_only else "")
    return NewLink(f"{settings.PUBLIC_URL}{OPEN_PATH}#{code}", link.expires_at)


@transaction.atomic
def open_link(code: str, browser: Mapping[str, Any] | None = None) -> Opened:
    """Opens a session with the code of a link, which cannot be used again. `browser`: `browser_sessions.browser_of`.

    Raises LinkRefused.
    """
    now = timezone.now()
    # Looked up by digest, so that its duration reveals nothing about existing codes.
    link = PortalLink.objects.select_related("owner").filter(code_digest=_digest(code)).first()
    if link is None:
        raise LinkRefused
    # Of two requests at once the database lets one use it.
    unused = PortalLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now, owner__is_active=True)
    if access_of(link) is None or not unused.update(used_at=now):
        raise LinkRefused(link.return_url)
    key, ends_at = secrets.token_urlsafe(32), now + SESSION_LIFETIME
    shared = {name.attname: getattr(link, name.attname) for name in OfPortal._meta.fields}
    shared["expires_at"] = min(ends_at, link.token_expires_at or ends_at)
    session = PortalSession.objects.create(key_digest=_digest(key), opened_at=now, **(browser or {}), **shared)
    session.owner = link.owner
    record(Action.PORTAL_OPENED, owner=link.owner, actor=link.owner)
    return Opened(key, session, link.path)


def open_for_support(owner: User, supporter: User, browser: Mapping[str, Any]) -> str:
    """Opens a session in which a member of staff sees what `owner` sees, and changes nothing, for fifteen minutes.

    Returns its key for the cookie. It ends earlier if the supporter signs out or is no longer staff.
    """
    key, now = secrets.token_urlsafe(32), timezone.now()
    PortalSession.objects.create(
        key_digest=_digest(key),
        owner=owner,
        supporter=supporter,
        scopes=" ".join(sorted(scope for scope in USER_SCOPES if scope.endswith(":read"))),
        read_only=True,
        opened_at=now,
        expires_at=now + SUPPORT_VIEW_LIFETIME,
        **browser,
    )
    return key


@receiver(user_logged_out)
def on_signed_out(user: User | None, **kwargs: Any) -> None:
    """Ends the support views of a member of staff who signs out."""
    if user is not None:
        PortalSession.objects.filter(supporter=user).delete()


def find_session(key: str) -> tuple[PortalSession, Access] | None:
    """The session of a key, with its owner, and what it allows now; None if it has ended, also with its token."""
    live = PortalSession.objects.filter(key_digest=_digest(key), expires_at__gt=timezone.now(), owner__is_active=True)
    supported = live.filter(Q(supporter=None) | Q(supporter__is_active=True, supporter__is_staff=True))
    session = supported.select_related("owner", "supporter").first()
    access = access_of(session) if session else None
    return (session, access) if session and access else None


def change_language(key: str, lang: str) -> None:
    """Has the session of a key go on in another language, e.g. `de`."""
    PortalSession.objects.filter(key_digest=_digest(key)).update(lang=lang)


def was_support_view(key: str) -> bool:
    """Whether a key is that of a member of staff who saw the portal as a user; also for some time after its end."""
    return PortalSession.objects.filter(key_digest=_digest(key)).exclude(supporter=None).exists()


def end_session(key: str) -> None:
    """Ends the session of a key; nothing happens if it has ended."""
    PortalSession.objects.filter(key_digest=_digest(key)).delete()


def live_sessions(owner: User) -> list[PortalSession]:
    """The owner's sessions that have not ended, the newest first, at most LISTED_SESSIONS; without those whose token
    has been revoked."""
    live = PortalSession.objects.filter(owner=owner, expires_at__gt=timezone.now()).order_by("-opened_at")
    rows = list(live.select_related("supporter")[:LISTED_SESSIONS])
    checksums = {session.token_checksum for session in rows}
    tokens = AccessToken.objects.filter(token_checksum__in=checksums, expires__gt=timezone.now())
    valid = {"", *tokens.values_list("token_checksum", flat=True)}
    return [session for session in rows if session.token_checksum in valid]


def access_of(opened: OfPortal) -> Access | None:
    """What a link or a session allows now; None once its token allows nothing any more."""
    origin, scopes = Origin(opened.token_checksum, opened.token_expires_at), frozenset(opened.scopes.split())
    now = timezone.now()
    if origin.expires_at is not None and origin.expires_at <= now:
        return None
    if not origin.checksum:
        return Access(scopes, origin)
    tokens = AccessToken.objects.filter(token_checksum=origin.checksum, expires__gt=now)
    row = tokens.select_related("user", "application__user").first()
    holder = holder_of(row) if row else None
    if holder is None or holder[0].pk != opened.owner_id:
        return None
    return Access(scopes & holder[1].scopes, origin)


def forget_ended() -> None:
    """Removes sessions that have ended, and links that are no use any more."""
    now = timezone.now()
    PortalSession.objects.filter(expires_at__lte=now).delete()
    PortalLink.objects.filter(expires_at__lte=now - LINK_MEMORY).delete()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""Who looks at the portal: a browser that opened a link, or a person who signed in here."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from invenicum.accounts import portal_sessions
from invenicum.accounts.models import OfPortal, User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import Access
from invenicum.audit.requests import act_as

from .cookies import read_key

FORM_SALT = "invenicum.portal.forms"


class SessionEnded(Exception):
    """The browser has a session that has ended, for example with its token. `is_support`: that of a support view."""

    def __init__(self, *, is_support: bool = False):
        super().__init__("The session has ended.")
        self.is_support = is_support


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person at the portal.

    `access`: what the visitor may do. `has_link`: came by a link, not by the sign-in page. The other fields are those
    of the link. `supporter`: the member of staff who looks on as `user`, until `ends_at`. `form_token` belongs into
    each form: only this visitor's pages know it.
    """

    user: User
    access: Access
    form_token: str = field(repr=False)
    has_link: bool = False
    read_only: bool = False
    embed: bool = False
    return_url: str = ""
    theme: str = OfPortal.Theme.SYSTEM
    accent: str = ""
    lang: str = ""
    supporter: User | None = None
    ends_at: datetime | None = None

    def may(self, scope: str) -> bool:
        """Whether the visitor has a scope, e.g. `integrations:write`; with read-only links none that writes."""
        return scope in self.access.scopes and not (self.read_only and not scope.endswith(":read"))

    @property
    def may_change(self) -> bool:
        """Whether the visitor may connect, change and remove integrations."""
        return self.may("integrations:write")

    @property
    def sees_deliveries(self) -> bool:
        """Whether the visitor may see deliveries."""
        return self.may("deliveries:read")

    @property
    def name(self) -> str:
        """What the page calls the user: the e-mail address, or the name."""
        return self.user.email or self.user.first_name or self.user.public_id

    def sent(self, token: str) -> bool:
        """Whether a form with this token is from a page of this visitor."""
        return hmac.compare_digest(token.encode(), self.form_token.encode())


def visitor_of(request: HttpRequest) -> Visitor | None:
    """Who sends the request; None without a session. Raises SessionEnded.

    A link takes precedence over the sign-in of the same browser. Once its session has ended, the next page says so,
    instead of going on as another user.
    """
    if key := read_key(request):
        found = portal_sessions.find_session(key)
        if found is None:
            raise SessionEnded(is_support=portal_sessions.was_support_view(key))
        session, access = found
        act_as(request, session.supporter or session.owner)
        return Visitor(
            user=session.owner,
            access=access,
            form_token=_form_token(key),
            has_link=True,
            read_only=session.read_only,
            embed=session.embed,
            return_url=session.return_url,
            theme=session.theme,
            accent=session.accent,
            lang=session.lang,
            supporter=session.supporter,
            ends_at=session.expires_at,
        )
    if isinstance(request.user, User) and request.session.session_key:
        return Visitor(
            user=request.user, access=Access(USER_SCOPES), form_token=_form_token(request.session.session_key)
        )
    return None


def _form_token(key: str) -> str:
    return salted_hmac(FORM_SALT, key, algorithm="sha256").hexdigest()

"""Authenticates a user who starts an authorization from a link on one of our own pages."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from invenicum.accounts.models import User
from invenicum.accounts.tokens import Access

from . import browser_session


class BrowserAuthentication(BaseAuthentication):
    """The user who is signed in here, or for whom this browser began an authorization within the last hour.

    Another site must not begin authorizations for its visitors (RFC 9700, 4.7): it could make them connect an account
    that is not theirs. So the browser has to say that no other site sent it here.
    """

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        if request.headers.get("Sec-Fetch-Site") not in ("same-origin", "none"):
            return None
        signed_in = getattr(request._request, "user", None)
        scopes = frozenset({"integrations:write"})
        if isinstance(signed_in, User) and signed_in.is_active:
            return signed_in, Access(scopes)
        user = browser_session.user_of(request.session)
        return (user, Access(scopes, browser_session.origin_of(request.session))) if user else None

"""The visitor's account: access tokens, sessions, language, and mails about failures."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from invenicum.accounts import browser_sessions, own_tokens
from invenicum.accounts.models import User
from invenicum.accounts.scopes import DESCRIPTIONS, USER_SCOPES
from invenicum.api.throttling import SaveThrottle
from invenicum.quotas import QuotaExceeded

from .cookies import read_key
from .languages import keep_language
from .limits import seconds_to_wait
from .pages import SeeOther, message_page, portal_page, render
from .visitors import Visitor

WRITE = "integrations:write"


@portal_page(post=WRITE)
def show(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """The account. POST with `do`: `token`, `revoke`, `end` a session, `end-all` sign-ins, `language`, `mail`."""
    if request.method == "POST":
        return _do(request, visitor)
    return _page(request, visitor)


def _page(request: HttpRequest, visitor: Visitor, status: int = 200, **more: Any) -> HttpResponseBase:
    context = {
        "title": _("Account"),
        "tokens": [
            (
                token,
                own_tokens.mark_of(token),
                set(token.scope.split()) == USER_SCOPES,
                token.token_checksum == visitor.access.origin.checksum,
            )
            for token in own_tokens.live_tokens(visitor.user)
        ],
        "may_make": visitor.may_change and not visitor.has_link,
        "scopes": [(name, DESCRIPTIONS[name], name in more.get("chosen", USER_SCOPES)) for name in sorted(USER_SCOPES)],
        "lifetimes": own_tokens.LIFETIMES_DAYS,
        # Who came by a link sees no browsers that signed in, as an app's token does not either.
        "sessions": [
            session
            for session in browser_sessions.open_sessions(visitor.user, _current_session(request))
            if not (visitor.has_link and session.is_signed_in)
        ],
        "languages": [(code, name, code == get_language()) for code, name in settings.LANGUAGES],
        "done": DONE.get(request.GET.get("done", ""), ""),
        **more,
    }
    return render(request, visitor, "account", context, status)


DONE = {
    "revoked": gettext_lazy("The token is revoked. What used it is refused from now on."),
    "ended": gettext_lazy("The session has ended."),
    "ended-all": gettext_lazy("All other browsers are signed out."),
    "language": gettext_lazy("The pages are in this language from now on."),
    "mail": gettext_lazy("Saved."),
}


def _do(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    action, user = request.POST.get("do", ""), visitor.user
    if seconds := seconds_to_wait(SaveThrottle, user):
        text = _("Try again in %(seconds)d seconds.") % {"seconds": seconds}
        return message_page(request, visitor, _("That was too often"), text, 429)
    mark, done = request.POST.get("mark", ""), ""
    match action:
        case "token" if not visitor.has_link:
            return _make_token(request, visitor)
        case "revoke" if own_tokens.revoke_token(user, mark):
            done = "revoked"
        case "end" if browser_sessions.end(user, mark, signed_in=not visitor.has_link):
            done = "ended"
        case "end-all" if not visitor.has_link:
            browser_sessions.end_all(user, but=_current_session(request))
            done = "ended-all"
        case "mail":
            User.objects.filter(pk=user.pk).update(mail_alerts="mail_alerts" in request.POST)
            done = "mail"
        case "language" if request.POST.get("language", "") in dict(settings.LANGUAGES):
            response = SeeOther(f"{reverse('portal-account')}?done=language")
            keep_language(response, request, visitor, request.POST["language"])
            return response
    return SeeOther(reverse("portal-account") + (f"?done={done}" if done else ""))


def _make_token(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """Shows the new token, once: by a form only, so that no history has it."""
    chosen, days = request.POST.getlist("scope"), request.POST.get("days", "")
    try:
        token = own_tokens.make_token(visitor.user, chosen, int(days) if days.isdecimal() else 0)
    except ValueError:
        problem = _("Choose at least one thing that the token may do, and how long.")
        return _page(request, visitor, 422, problem=problem, chosen=chosen)
    except QuotaExceeded as error:
        return _page(request, visitor, 422, problem=error.message, chosen=chosen)
    return _page(request, visitor, new_token=token)


def _current_session(request: HttpRequest) -> str:
    return browser_sessions.session_id(read_key(request) or request.session.session_key or "")

"""The way into the portal and out of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from invenicum.accounts import portal_sessions
from invenicum.accounts.browser_sessions import browser_of
from invenicum.pages import wants_page

from .cookies import drop_key, keep_key, read_key
from .languages import in_browsers_language
from .pages import SeeOther, ended_page, framed, portal_page, render
from .support import end_view
from .visitors import Visitor

CODE_MAX_CHARACTERS = 2000


@csrf_exempt
@in_browsers_language
@require_http_methods(["GET", "HEAD", "POST"])
def open_link(request: HttpRequest) -> HttpResponseBase:
    """GET shows a page that sends the code in its address' fragment here; POST opens the session.

    A preview of the link does not use it up. Another site cannot send the form.
    """
    if request.method != "POST":
        return render(request, None, "open", {"title": _("Opening Integrations")}, embed=True)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return ended_page(request)
    code = _code_in(request.POST.get("code", ""))
    try:
        opened = portal_sessions.open_link(code, browser_of(request))
    except portal_sessions.LinkRefused as refused:
        return ended_page(request, refused.return_url, 410)
    if read_key(request):
        portal_sessions.end_session(read_key(request))
    response = framed(SeeOther("/portal" + opened.path.rstrip("/")), embed=opened.session.embed)
    keep_key(response, opened.key, embed=opened.session.embed)
    return response


def start(request: HttpRequest) -> HttpResponseBase:
    """The address without a path: leads a browser to the portal, a program to the documentation of the API."""
    return redirect("portal-services" if wants_page(request) else "docs")


def _code_in(text: str) -> str:
    """The code in what was pasted: the code itself, or the whole link."""
    text = text.strip()[:CODE_MAX_CHARACTERS]
    return text.rpartition("#")[2] if "#" in text else text


@portal_page(get=None, post="integrations:read")
def leave(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """Ends the session that a link opened, or a support view."""
    if visitor.supporter:
        return end_view(request, visitor, visitor.supporter)
    portal_sessions.end_session(read_key(request))
    context = {"title": _("You have left"), "return_url": visitor.return_url}
    response = render(request, None, "left", context, embed=visitor.embed)
    drop_key(response, embed=visitor.embed)
    return response

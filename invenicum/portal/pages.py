"""What all pages of the portal share: who may see them, their frame, and their errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.csrf import csrf_exempt
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from integrations.lookups import IntegrationNotFound
from integrations.registry import UnknownType
from invenicum.content_policy import HEADER, portal_policy

from .cookies import drop_key, read_key
from .languages import in_browsers_language, language_of
from .navigation import links_for
from .visitors import SessionEnded, Visitor, visitor_of

View = Callable[..., HttpResponseBase]
SCOPE_TO_SEE = "integrations:read"
NO_SCOPE = gettext_lazy("You may look at this, but not change it.")
FORGED_FORM = gettext_lazy("This form is from another session. Go back, reload the page and send it again.")


class SeeOther(HttpResponseRedirect):
    """To the page after a form (RFC 9110, 15.4.4): a reload of it does not send the form again."""

    status_code = 303


def portal_page(*, get: str | None = SCOPE_TO_SEE, post: str | None = None) -> Callable[[View], View]:
    """Decorates a view of the portal, which is called with the request, its Visitor, and what the address has.

    get, post: the scope that each method needs; None if the view does not answer the method. A form must have been
    sent by a page of the same visitor.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            try:
                visitor = visitor_of(request)
            except SessionEnded as ended:
                return support_ended_page(request) if ended.is_support else ended_page(request)
            if visitor is None:
                return _to_sign_in(request)
            with translation.override(language_of(request, visitor)):
                return _answer(view, request, visitor, {"GET": get, "HEAD": get, "POST": post}, parts)

        # The portal has form tokens of its own: Django's cookie does not reach a frame of another site.
        return csrf_exempt(wrapped)

    return decorate


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """The whole page goes there, also if htmx asked for a part of it."""
    address = f"{reverse('sign-in')}?{urlencode({'next': request.get_full_path()})}"
    return HttpResponseClientRedirect(address) if HtmxDetails(request) else redirect(address)


def _answer(
    view: View, request: HttpRequest, visitor: Visitor, scopes: Mapping[str, str | None], parts: Mapping[str, Any]
) -> HttpResponseBase:
    scope = scopes.get(str(request.method))
    if scope is None:
        allowed = [method for method, needed in scopes.items() if needed]
        response = message_page(
            request, visitor, _("That is not possible here"), _("This address does not take that."), 405
        )
        response["Allow"] = ", ".join(allowed)
        return response
    if not visitor.may(scope):
        return message_page(request, visitor, _("You may not do this"), NO_SCOPE, 403)
    if request.method == "POST" and not visitor.sent(request.POST.get("token", "")):
        return message_page(request, visitor, _("This form has expired"), FORGED_FORM, 403)
    try:
        return view(request, visitor, **parts)
    except (UnknownType, IntegrationNotFound, Http404):
        return message_page(request, visitor, _("This page does not exist"), _("Choose a service from the list."), 404)


def render(
    request: HttpRequest,
    visitor: Visitor | None,
    template: str,
    context: Mapping[str, Any],
    status: int = 200,
    *,
    embed: bool = False,
) -> HttpResponse:
    """A page of the portal, from a template that extends `portal/base.html`. `context` needs `title`.

    embed: pages of PORTAL_FRAME_ORIGINS may show it in a frame, also without a visitor.
    """
    embed = embed or (visitor is not None and visitor.embed)
    shared = {
        "visitor": visitor,
        "navigation": links_for(visitor, request.path) if visitor else [],
        "frame_origins": settings.PORTAL_FRAME_ORIGINS if embed else [],
    }
    content = render_to_string(f"portal/{template}.html", {**context, **shared}, request)
    return framed(HttpResponse(content, status=status), embed=embed)


def framed(response: HttpResponse, *, embed: bool) -> HttpResponse:
    """The response with the portal's policy. embed: pages of PORTAL_FRAME_ORIGINS may show it in a frame."""
    origins = settings.PORTAL_FRAME_ORIGINS if embed else []
    response[HEADER] = portal_policy(origins)
    response["Cache-Control"] = "no-store"
    if origins:
        response.xframe_options_exempt = True
    return response


def message_page(
    request: HttpRequest, visitor: Visitor | None, title: str, message: str | Promise, status: int
) -> HttpResponse:
    """A page that says one thing, with a way back to the services."""
    return render(request, visitor, "message", {"title": title, "message": message}, status)


def too_often(request: HttpRequest, visitor: Visitor, seconds: int) -> HttpResponse:
    """Says after how many seconds it can be tried again."""
    message = ngettext("Try again in %(seconds)d second.", "Try again in %(seconds)d seconds.", seconds)
    response = message_page(request, visitor, _("That was too often"), message % {"seconds": seconds}, 429)
    response["Retry-After"] = str(seconds)
    return response


@in_browsers_language
def ended_page(request: HttpRequest, return_url: str = "", status: int = 403) -> HttpResponse:
    """Says that a link or a session does not work any more, and what to do. The browser forgets the session.

    return_url: where its user came from, if that is known.
    """
    context = {"title": _("Open again from Invenicum"), "return_url": return_url}
    response = render(request, None, "ended", context, status, embed=True)
    if read_key(request):
        # Whose session it was may be forgotten: what the request is for tells whether its cookie is that of a frame.
        drop_key(response, embed=request.headers.get("Sec-Fetch-Dest") == "iframe")
    return response


def support_ended_page(request: HttpRequest) -> HttpResponse:
    """Tells a member of staff that the view of a user has ended. The browser forgets it."""
    response = render(request, None, "support_ended", {"title": _("The view has ended")}, 403)
    drop_key(response, embed=False)
    return response

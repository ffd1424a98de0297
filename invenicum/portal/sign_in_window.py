"""Signing in at a service from a frame: in a window of its own, which shares no cookies with the frame.

The window is opened by a start link (`oauth_flows.start_links`), and comes back with a one-time result. Only the frame
that opened it is told the result, by its own origin, and only a session of the same user can confirm it: an address of
such a window that was copied connects nothing for anybody else.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from integrations import registry
from invenicum.api.throttling import OutgoingThrottle
from oauth_flows import confirmations, start_links
from oauth_flows.errors import NotConfigured, OAuthError
from oauth_flows.pages import PRIVATE_HEADERS

from .connect import WRITE, connected_address
from .directory import monogram
from .languages import in_browsers_language
from .limits import seconds_to_wait
from .pages import SeeOther, message_page, portal_page, render, too_often
from .visitors import Visitor


@portal_page(get=None, post=WRITE)
def begin(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """A page with the link that opens the window, which then waits for its result."""
    connector = registry.get(integration_type)
    if seconds := seconds_to_wait(OutgoingThrottle, visitor.user):
        return too_often(request, visitor, seconds)
    back = settings.PUBLIC_URL + reverse("portal-window-end")
    try:
        started = start_links.start(visitor.user, integration_type, back, visitor.access.origin)
    except (NotConfigured, OAuthError) as error:
        return message_page(request, visitor, _("Signing in is not possible"), error.message, 400)
    context = {
        "title": _("Sign in at %(name)s") % {"name": connector.name},
        "connector": connector,
        "monogram": monogram(connector),
        "start_url": started.start_url,
    }
    return render(request, visitor, "sign_in_window", context)


@portal_page(get=None, post=WRITE)
def confirm(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """Connects what the user of the window has allowed."""
    if seconds := seconds_to_wait(OutgoingThrottle, visitor.user):
        return too_often(request, visitor, seconds)
    try:
        connected = confirmations.confirm(visitor.user, request.POST.get("result", ""))
    except OAuthError as error:
        if isinstance(error, confirmations.ConfirmationRefused):
            confirmations.audit_refusal(error)
        return message_page(request, visitor, _("Nothing was connected"), error.message, 400)
    return SeeOther(connected_address(connected.integration))


@in_browsers_language
def end(request: HttpRequest) -> HttpResponseBase:
    """The last page of the window: it tells the frame the result and closes itself."""
    is_done = request.GET.get("status") == "unconfirmed"
    context = {
        "title": _("Go back to Invenicum") if is_done else _("Nothing was connected"),
        "is_done": is_done,
        "result": request.GET.get("result", "") if is_done else "",
    }
    response = render(request, None, "sign_in_window_end", context)
    for header, value in PRIVATE_HEADERS.items():
        response[header] = value
    return response

"""What a browser sees of an authorization: redirects, and a page at the end."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from rest_framework.request import Request

from integrations import registry
from invenicum.pages import render_page

from . import browser_session
from .authorizations import Unconfirmed
from .connect import Connected
from .models import StartLink
from .return_urls import WEB_SCHEMES, custom_schemes, web_origins, with_outcome

# Addresses hold states and codes here. And the last page of a popup has a message for the window that opened it, of
# another origin: no page on the way may cut the tie between the two.
PRIVATE_HEADERS = {
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _Redirect(HttpResponseRedirect):
    """A redirect that may lead to an app, too."""

    @property
    def allowed_schemes(self) -> list[str]:  # type: ignore[override]
        return [*WEB_SCHEMES, *custom_schemes(settings.OAUTH_RETURN_ORIGINS)]


def redirect(url: str) -> HttpResponse:
    """Sends the browser to `url`, an address that may carry a state or a code."""
    return _Redirect(url, headers=PRIVATE_HEADERS)


def link_page(link: StartLink, code: str) -> HttpResponse:
    """Asks a person who opened a start link to continue: a preview or a prefetch of the link must not use it up."""
    name = registry.get(link.type).name
    context = {"title": f"Connect {name}", "name": name, "code": code}
    # Browsers apply a form's targets to the redirects that follow too: to any provider, and on to the app.
    return _private(render_page("oauth_flows/link.html", context, form_targets=None))


def end_page(outcome: Connected | Unconfirmed) -> HttpResponse:
    """Says which account is connected, or sends the browser back to the app."""
    if isinstance(outcome, Unconfirmed):
        return redirect(with_outcome(outcome.return_url, "unconfirmed", outcome.type, outcome.result))
    return _success_page(outcome)


def _success_page(connected: Connected) -> HttpResponse:
    integration = connected.integration
    if connected.return_url:
        return redirect(with_outcome(connected.return_url, "connected", integration.type))
    context = {
        "title": f"{connected.name} is connected",
        "account": integration.account,
        "missing": integration.status_reason,
        "name": connected.name,
    }
    return _page("connected", integration.type, context)


def failure_page(
    request: HttpRequest | Request,
    integration_type: str,
    message: str,
    return_url: str,
    *,
    status: int,
    is_of_app: bool,
) -> HttpResponse:
    """Says in `message` why nothing was connected; offers to try again and, with a `return_url`, to go back there.

    `is_of_app`: the flow began with a start link, so that only the app can try again.
    """
    known = {connector.type: connector.name for connector in registry.CONNECTORS}
    name = known.get(integration_type, "This service")
    may_try_again = integration_type in known and not is_of_app and browser_session.user_of(request.session)
    context = {
        "title": f"{name} was not connected",
        "message": message,
        "try_again": integration_type if may_try_again else "",
        "return_url": with_outcome(return_url, "failed", integration_type) if return_url else "",
        "return_query": urlencode({"returnUrl": return_url}) if return_url else "",
    }
    return _page("failed", integration_type, context, status)


def _page(outcome: str, integration_type: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    # Sent to the window that opened the page, addressed to each allowed origin by name so that no other can read it.
    message = {"source": "invenicum-integrations", "status": outcome, "type": integration_type}
    context |= {"message_to_opener": message, "origins": web_origins(settings.OAUTH_RETURN_ORIGINS)}
    return _private(render_page(f"oauth_flows/{outcome}.html", context, status=status))


def _private(response: HttpResponse) -> HttpResponse:
    for header, value in PRIVATE_HEADERS.items():
        response[header] = value
    return response

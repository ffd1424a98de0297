"""The two ends of a flow. Programs are answered JSON; browsers are redirected, and shown a page at the end."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from integrations import registry
from integrations.views import IntegrationView
from invenicum.accounts.authentication import BearerAuthentication, current_user
from invenicum.accounts.tokens import Access
from invenicum.api.errors import ApiError
from invenicum.api.throttling import OutgoingThrottle

from . import flow
from .errors import OAuthError
from .schema import authorize_schema, callback_schema

OAUTH_ERROR = "OAUTH_ERROR"


class BrowserAuthentication(BaseAuthentication):
    """Somebody signed in here, or who began a flow in this browser not long ago: for links on our own pages.

    Another site must not begin flows for its visitors (RFC 9700, 4.7): it could have them connect an account that
    is not theirs. So the browser has to say that nobody else sent it here.
    """

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        if request.headers.get("Sec-Fetch-Site") not in ("same-origin", "none"):
            return None
        signed_in = getattr(request._request, "user", None)
        user = signed_in if isinstance(signed_in, User) and signed_in.is_active else flow.user_of(request.session)
        return (user, Access(frozenset({"integrations:write"}))) if user else None


class FlowView(IntegrationView):
    """Base: errors are a page for browsers."""

    def handle_exception(self, exc: Exception) -> Any:
        response = super().handle_exception(exc)
        if not wants_page(self.request):
            return response
        return_url = exc.return_url if isinstance(exc, OAuthError) else ""
        kept = {name: value for name, value in response.items() if name in ("Retry-After", "WWW-Authenticate")}
        page = failure_page(self.request, self.kwargs["integration_type"], response.data["message"], return_url)
        page.status_code = response.status_code
        for name, value in kept.items():
            page[name] = value
        return page

    def _api_error(self, exc: Exception) -> APIException | None:
        if isinstance(exc, OAuthError):
            return ApiError(400, OAUTH_ERROR, exc.message)
        return super()._api_error(exc)


class AuthorizeView(FlowView):
    authentication_classes = [BearerAuthentication, BrowserAuthentication]
    required_scopes = {"GET": "integrations:write"}
    throttle_classes = [OutgoingThrottle]

    @authorize_schema
    def get(self, request: Request, integration_type: str) -> HttpResponseBase:
        return_url = request.query_params.get("returnUrl", "")
        begun = flow.begin(current_user(request), integration_type, request.session, return_url)
        if wants_page(request):
            return _redirect(begun.authorization_url)
        return Response({"authorizationUrl": begun.authorization_url, "state": begun.state})


class CallbackView(FlowView):
    # The session says whose flow it is; a bearer token may come along, and then has to agree.
    permission_classes: list[Any] = []

    @callback_schema
    def get(self, request: Request, integration_type: str) -> HttpResponseBase:
        if any(len(values) > 1 for _, values in request.query_params.lists()):
            raise OAuthError("The answer names something twice. Please start again.")  # RFC 6749, 3.1
        registry.get(integration_type)
        user = request.user if isinstance(request.user, User) and request.auth else None
        connected = flow.finish(integration_type, request.query_params.dict(), request.session, user)
        if not wants_page(request):
            integration = connected.integration
            message = f"{connected.name} connected successfully"
            data = {
                "type": integration.type,
                "isActive": integration.is_active,
                "account": integration.account or None,
            }
            return Response({"success": True, "message": message, "data": data})
        if connected.return_url:
            return _redirect(with_outcome(connected.return_url, "connected", integration_type))
        return success_page(request, connected)


def wants_page(request: Any) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def with_outcome(url: str, status: str, integration_type: str) -> str:
    """`url` with `status` and `type` in its query, in place of any that it has: they are ours to say."""
    parts, outcome = urlsplit(url), {"status": status, "type": integration_type}
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in outcome]
    return urlunsplit(parts._replace(query=urlencode([*query, *outcome.items()])))


def success_page(request: Any, connected: flow.Connected) -> HttpResponse:
    context = {
        "title": f"{connected.name} is connected",
        "account": connected.integration.account,
        "missing": connected.integration.status_reason,
        "name": connected.name,
    }
    return _page(request, "connected", connected.integration.type, context)


def failure_page(request: Any, integration_type: str, message: str, return_url: str) -> HttpResponse:
    known = {connector.type: connector.name for connector in registry.CONNECTORS}
    name = known.get(integration_type, "This service")
    context = {
        "title": f"{name} was not connected",
        "message": message,
        "try_again": integration_type if integration_type in known and flow.user_of(request.session) else "",
        "return_url": with_outcome(return_url, "failed", integration_type) if return_url else "",
        "return_query": urlencode({"returnUrl": return_url}) if return_url else "",
    }
    return _page(request, "failed", integration_type, context)


def _redirect(url: str) -> HttpResponse:
    return _kept_private(HttpResponseRedirect(url))


def _page(request: Any, outcome: str, integration_type: str, context: dict[str, Any]) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    # What the page says to the window that opened it. Nobody else can read it: each origin is addressed by name.
    news = {"source": "invenicum-integrations", "status": outcome, "type": integration_type}
    context |= {"nonce": nonce, "news": news, "origins": settings.OAUTH_RETURN_ORIGINS}
    response = render(request, f"oauth_flows/{outcome}.html", context)
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return _kept_private(response)


def _kept_private(response: HttpResponse) -> HttpResponse:
    # The last page of a popup tells its opener at another origin, from whom no answer on the way may cut it off.
    response["Cross-Origin-Opener-Policy"] = "unsafe-none"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response

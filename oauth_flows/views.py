"""Both ends of an authorization. Programs are answered JSON; browsers are redirected, and shown a page at the end."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from integrations import registry
from integrations.views import IntegrationView
from invenicum.accounts.authentication import BearerAuthentication, current_user
from invenicum.api.errors import ApiError
from invenicum.api.throttling import OutgoingThrottle

from . import authorizations, pages
from .authentication import BrowserAuthentication
from .errors import OAuthError
from .schema import authorize_schema, callback_schema

OAUTH_ERROR = "OAUTH_ERROR"


class AuthorizationView(IntegrationView):
    """Base: errors are a page for browsers."""

    def handle_exception(self, exc: Exception) -> Any:
        response = super().handle_exception(exc)
        if not pages.wants_page(self.request):
            return response
        return_url = exc.return_url if isinstance(exc, OAuthError) else ""
        page = pages.failure_page(
            self.request,
            self.kwargs["integration_type"],
            response.data["message"],
            return_url,
            status=response.status_code,
        )
        for name in ("Retry-After", "WWW-Authenticate"):
            if name in response:
                page[name] = response[name]
        return page

    def _api_error(self, exc: Exception) -> APIException | None:
        if isinstance(exc, OAuthError):
            return ApiError(400, OAUTH_ERROR, exc.message)
        return super()._api_error(exc)


class AuthorizeView(AuthorizationView):
    authentication_classes = [BearerAuthentication, BrowserAuthentication]
    required_scopes = {"GET": "integrations:write"}
    throttle_classes = [OutgoingThrottle]

    @authorize_schema
    def get(self, request: Request, integration_type: str) -> HttpResponseBase:
        return_url = request.query_params.get("returnUrl", "")
        begun = authorizations.begin(current_user(request), integration_type, request.session, return_url)
        if pages.wants_page(request):
            return pages.redirect(begun.authorization_url)
        return Response({"authorizationUrl": begun.authorization_url, "state": begun.state})


class CallbackView(AuthorizationView):
    # The session says whose authorization it is; a bearer token may come along, and must then be the same user's.
    permission_classes: list[Any] = []

    @callback_schema
    def get(self, request: Request, integration_type: str) -> HttpResponseBase:
        if any(len(values) > 1 for _, values in request.query_params.lists()):
            raise OAuthError("The answer names something twice. Please start again.")  # RFC 6749, 3.1
        registry.get(integration_type)
        user = request.user if isinstance(request.user, User) and request.auth else None
        connected = authorizations.finish(integration_type, request.query_params.dict(), request.session, user)
        if pages.wants_page(request):
            return pages.success_page(request, connected)
        integration = connected.integration
        data = {"type": integration.type, "isActive": integration.is_active, "account": integration.account or None}
        return Response({"success": True, "message": f"{connected.name} connected successfully", "data": data})

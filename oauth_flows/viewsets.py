"""Both ends of an authorization. Programs are answered JSON; browsers are redirected, and shown a page at the end."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from integrations import api_errors, registry
from invenicum.accounts.authentication import BearerAuthentication, current_access, current_user
from invenicum.accounts.idempotency import idempotent
from invenicum.accounts.models import User
from invenicum.api.envelopes import answer_of, done_of
from invenicum.api.errors import ApiError
from invenicum.api.openapi import Error
from invenicum.api.throttling import OutgoingThrottle
from invenicum.api.viewsets import ApiViewSet
from invenicum.pages import wants_page

from . import authorizations, confirmations, pages, start_links
from .authentication import BrowserAuthentication
from .connect import Connected
from .errors import OAuthError
from .serializers import (
    BegunSerializer,
    ConfirmationSerializer,
    ConnectionSerializer,
    StartedSerializer,
    StartSerializer,
)

OAUTH_ERROR = "OAUTH_ERROR"


def _in_query(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description)


class AuthorizationViewSet(ApiViewSet):
    """A user connects an integration by signing in at its service."""

    required_scopes = {"GET": "integrations:write"}
    never_cached = True  # an answer holds the state of an authorization

    @property
    def allowed_methods(self) -> list[str]:
        return [method for method in super().allowed_methods if method != "HEAD"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "HEAD":  # it would use up a code or a state as GET does, and its answer has no body
            raise MethodNotAllowed("HEAD")
        super().initial(request, *args, **kwargs)
        if "integration_type" in kwargs:
            registry.get(kwargs["integration_type"])

    def api_error(self, error: Exception) -> ApiError | None:
        if isinstance(error, OAuthError):
            return ApiError(400, OAUTH_ERROR, error.message)
        return api_errors.api_error(error, self.kwargs.get("integration_type"))

    def handle_exception(self, exc: Exception) -> Any:
        """The error envelope, or its message on a page for browsers."""
        if isinstance(exc, confirmations.ConfirmationRefused):
            confirmations.audit_refusal(exc)
        response = super().handle_exception(exc)
        if not wants_page(self.request) or self.action in ("start", "confirm"):
            return response
        error = exc if isinstance(exc, OAuthError) else OAuthError("")
        page = pages.failure_page(
            self.request,
            self.kwargs.get("integration_type", ""),
            response.data["message"],
            error.return_url,
            status=response.status_code,
            is_of_app=error.is_of_app,
        )
        for name in ("Retry-After", "WWW-Authenticate"):
            if name in response:
                page[name] = response[name]
        return page

    @extend_schema(
        operation_id="beginConnection",
        auth=[{"bearer": []}],  # type: ignore[list-item]
        summary="Start an OAuth flow",
        description="Sets a session cookie, which the callback needs. A browser (`Accept: text/html`) is redirected.",
        parameters=[_in_query("returnUrl", "Where the browser returns to; its origin must be allowed.")],
        responses={200: BegunSerializer, 400: Error},
    )
    @action(
        detail=False,
        url_path="authorize/<str:integration_type>",
        authentication_classes=[BearerAuthentication, BrowserAuthentication],
        throttle_classes=[OutgoingThrottle],
    )
    def authorize(self, request: Request, integration_type: str) -> HttpResponseBase:
        return_url = request.query_params.get("returnUrl", "")
        origin = current_access(request).origin
        begun = authorizations.begin(current_user(request), integration_type, request.session, return_url, origin)
        if wants_page(request):
            return pages.redirect(begun.authorization_url)
        return Response(self.write(begun, BegunSerializer))

    # The session says whose authorization it is. If a bearer token is sent too, it must be the same user's.
    @extend_schema(
        operation_id="finishConnection",
        summary="Complete an OAuth flow",
        description="The provider redirects the browser here. Needs the session that began the flow.",
        auth=[{"bearer": []}, {}],  # type: ignore[list-item]
        parameters=[
            _in_query("code", "The authorization code."),
            _in_query("state", "The state from `authorize`."),
            _in_query("error", "The provider's reason for sending no code."),
            _in_query("iss", "Which server the answer is from (RFC 9207)."),
        ],
        responses={200: done_of(ConnectionSerializer), 400: Error},
    )
    @action(detail=False, url_path="callback/<str:integration_type>", permission_classes=[])
    def callback(self, request: Request, integration_type: str) -> HttpResponseBase:
        if any(len(values) > 1 for _, values in request.query_params.lists()):
            raise OAuthError("The answer has a parameter twice. Please start again.")  # RFC 6749, 3.1
        user = request.user if isinstance(request.user, User) and request.auth else None
        outcome = authorizations.finish(integration_type, request.query_params.dict(), request.session, user)
        if isinstance(outcome, authorizations.Unconfirmed) or wants_page(request):
            return pages.end_page(outcome)
        return self._connected(outcome)

    @extend_schema(
        operation_id="startConnection",
        summary="Start an OAuth flow from a native app",
        description="For an app that shares no cookies with the browser. What comes of it is to be confirmed.",
        request=StartSerializer,
        responses={200: answer_of(StartedSerializer), 400: Error, 404: Error},
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="start/<str:integration_type>",
        required_scopes={"POST": "integrations:write"},
        throttle_classes=[OutgoingThrottle],
    )
    @idempotent
    def start(self, request: Request, integration_type: str) -> Response:
        given = self.read(request.data, StartSerializer)
        origin = current_access(request).origin
        started = start_links.start(current_user(request), integration_type, given["return_url"], origin)
        return self.answer(started, StartedSerializer)

    # Any person's browser. GET changes nothing, the page's button does.
    @extend_schema(exclude=True)
    @action(
        detail=False,
        methods=["get", "post"],
        url_path="open/<str:integration_type>",
        authentication_classes=[],
        permission_classes=[],
    )
    def open(self, request: Request, integration_type: str) -> HttpResponseBase:
        code = request.query_params.get("code", "")
        if request.method != "POST":
            return pages.link_page(start_links.look_up(integration_type, code), code)
        # Another site must not begin authorizations for its visitors.
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise OAuthError(start_links.STALE_LINK)
        return pages.redirect(start_links.use(integration_type, code, request.session).authorization_url)

    @extend_schema(
        operation_id="confirmConnection",
        summary="Confirm a connection that a native app started",
        description="Only the user who started it can, once, within ten minutes.",
        request=ConfirmationSerializer,
        responses={200: done_of(ConnectionSerializer), 400: Error},
    )
    @action(
        detail=False,
        methods=["post"],
        required_scopes={"POST": "integrations:write"},
        throttle_classes=[OutgoingThrottle],
    )
    @idempotent
    def confirm(self, request: Request) -> Response:
        given = self.read(request.data, ConfirmationSerializer)
        return self._connected(confirmations.confirm(current_user(request), given["result"]))

    def _connected(self, connected: Connected) -> Response:
        return self.done(f"{connected.name} connected successfully", connected.integration, ConnectionSerializer)

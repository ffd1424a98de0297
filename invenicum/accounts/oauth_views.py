"""The authorization server: django-oauth-toolkit's endpoints, its consent page in our style, and its description."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider import views
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.oauth2_backends import OauthlibRequest, _add_iss_to_redirect
from oauth2_provider.views.mixins import OAuthLibMixin

from invenicum.pages import render_page

from .lookups import find_token
from .models import Application
from .redirect_uris import content_source
from .scopes import ALL_SCOPES, DESCRIPTIONS
from .tokens import holder_of

CLIENT_AUTHENTICATION = ["client_secret_basic", "client_secret_post"]
BROKEN_LINK = "The app that sent you here asked in a way that we cannot answer. Nothing was shared with it."


def refuse_nul(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """400 for a form with NUL: PostgreSQL takes no NUL in a text, so that looking up such a code would crash."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if any("\0" in value for values in (request.GET, request.POST) for value in values.values()):
            return JsonResponse({"error": "invalid_request", "error_description": "NUL is no character."}, status=400)
        return view(request, *args, **kwargs)

    return wrapped


class TokenView(views.TokenView):
    """Issues tokens. Errors are always JSON, which the toolkit alone does not ensure (RFC 6749, section 5.2)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post(request, *args, **kwargs)
        response["Content-Type"] = "application/json"
        if response.status_code == 429:
            response["Retry-After"] = "60"
        return response


class MetadataView(View):
    """The addresses of the endpoints, and what they support (RFC 8414)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        def address(name: str) -> str:
            return f"{settings.PUBLIC_URL}{reverse(f'oauth2_provider:{name}')}"

        metadata = {
            "issuer": settings.PUBLIC_URL,
            "authorization_endpoint": address("authorize"),
            "token_endpoint": address("token"),
            "revocation_endpoint": address("revoke-token"),
            "introspection_endpoint": address("introspect"),
            "scopes_supported": sorted(ALL_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [*CLIENT_AUTHENTICATION, "none"],
            "revocation_endpoint_auth_methods_supported": [*CLIENT_AUTHENTICATION, "none"],
            "introspection_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": f"{settings.PUBLIC_URL}{reverse('docs')}",
        }
        return JsonResponse(metadata, headers={"Access-Control-Allow-Origin": "*"})


class ConsentView(views.AuthorizationView):
    """Asks a user whether an app may act for them (RFC 6749, section 4.1).

    It asks every time: an app without a secret could be another that uses its name (RFC 8252, section 8.6).
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        asked = request.GET.copy()
        asked.pop("approval_prompt", None)
        request.GET = asked  # type: ignore[assignment]
        return super().get(request, *args, **kwargs)

    def handle_no_permission(self) -> Any:
        """Redirects to the sign-in page. An invalid request is answered without signing in."""
        try:
            self.validate_authorization_request(self.request)
        except OAuthToolkitError as error:
            return self.error_response(error, application=None)
        return super().handle_no_permission()

    def form_invalid(self, form: Any) -> Any:
        return _broken_link("the form of the consent page came back incomplete")

    def form_valid(self, form: Any) -> Any:
        try:
            return super().form_valid(form)
        except Application.DoesNotExist:
            return _broken_link("there is no such client_id")

    def redirect(self, redirect_to: str, application: Application | None) -> Any:
        """Redirects to a redirect URI of the application. Errors name the issuer too (RFC 9207)."""
        application = application or Application.objects.filter(client_id=self.request.GET.get("client_id")).first()
        return super().redirect(_add_iss_to_redirect(redirect_to, settings.PUBLIC_URL), application)

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> Any:
        if "error" in context:
            error = context["error"]
            return _broken_link(f"{error.error}: {error.description}", response_kwargs.get("status", 400))
        application, redirect_uri = context["application"], context["redirect_uri"]
        parts = urlsplit(redirect_uri)
        shown = {
            "title": f"{application} asks for access",
            "application": application,
            "scopes": [DESCRIPTIONS[scope] for scope in context["scopes"]],
            "destination": parts.hostname or f"an app on this device ({parts.scheme})",
            "form": context["form"],
            "back": self.request.get_full_path(),
        }
        targets = ["'self'", content_source(redirect_uri)]
        return render_page("accounts/consent.html", shown, self.request, form_targets=targets)


@method_decorator(csrf_exempt, name="dispatch")
class IntrospectView(OAuthLibMixin, View):
    """Says whether an access token is valid (RFC 7662), only to the application that it was issued to."""

    def post(self, request: HttpRequest) -> HttpResponse:
        client = self._client(request)
        if client is None:
            headers = {"WWW-Authenticate": 'Basic realm="introspect"'}
            return JsonResponse({"error": "invalid_client"}, status=401, headers=headers)
        if "token" not in request.POST:
            body = {"error": "invalid_request", "error_description": "The parameter token is missing."}
            return JsonResponse(body, status=400)
        row = find_token(request.POST["token"])
        holder = holder_of(row) if row and row.application == client else None
        if row is None or holder is None:
            return JsonResponse({"active": False}, headers={"Cache-Control": "no-store"})
        user, access = holder
        answer = {
            "active": True,
            "scope": " ".join(sorted(access.scopes)),
            "client_id": client.client_id,
            "sub": user.public_id,
            "token_type": "Bearer",
            "exp": int(row.expires.timestamp()),
            "iss": settings.PUBLIC_URL,
        }
        return JsonResponse(answer, headers={"Cache-Control": "no-store"})

    def _client(self, request: HttpRequest) -> Application | None:
        """The application that has authenticated with its secret."""
        core = self.get_oauthlib_core()
        oauth_request = OauthlibRequest(*core._extract_params(request))
        known = core.server.request_validator.authenticate_client(oauth_request)
        return oauth_request.client if known else None


def _broken_link(reason: str, status: int = 400) -> HttpResponse:
    context = {"title": "This link does not work", "message": BROKEN_LINK, "reason": reason}
    return render_page("error.html", context, status=status)

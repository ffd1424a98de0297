"""django-oauth-toolkit as an authorization server in a process of its own, to test against an independent one.

    with AuthorizationServer(redirect_uris=["…/callback/google_drive"]) as server:
        ...  # server.url, server.client_id, server.client_secret

People sign in as `ada` with the password `ada`. `GET /me` returns the user of the access token and
refuses expired and revoked ones; `GET /log` lists the requests to the token and revocation endpoints. Run as a program,
this module is the server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.services import end_with_parent, free_port, wait_for_port


class AuthorizationServer:
    """Runs the server while its `with` block runs. Access tokens are valid for `lifetime` seconds."""

    client_id = "invenicum-client"
    client_secret = "the client's secret: 100% + more"

    def __init__(self, redirect_uris: Sequence[str], lifetime: int = 3600) -> None:
        self._setup = {"redirect_uris": list(redirect_uris), "lifetime": lifetime}

    def __enter__(self) -> AuthorizationServer:
        self._folder = tempfile.TemporaryDirectory(prefix="authorization-server-")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        setup = {**self._setup, "folder": self._folder.name, "port": self.port, "url": self.url}
        command = [sys.executable, "-m", __name__, json.dumps(setup)]
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent
        )
        wait_for_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    @property
    def endpoints(self) -> dict[str, str]:
        """For the setting PROVIDER_ENDPOINTS."""
        return {
            "authorizeUrl": f"{self.url}/o/authorize/",
            "tokenUrl": f"{self.url}/o/token/",
            "revokeUrl": f"{self.url}/o/revoke_token/",
            "identityUrl": f"{self.url}/me",
            "apiUrl": self.url,
        }

    def log(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/log") as answer:
            entries: list[dict[str, Any]] = json.load(answer)
            return entries

    def knows(self, access_token: str) -> bool:
        """Whether an access token is accepted."""
        request = urllib.request.Request(f"{self.url}/me", headers={"Authorization": f"Bearer {access_token}"})
        try:
            return int(urllib.request.urlopen(request).status) == 200
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return False
            raise


def serve(setup: dict[str, Any]) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        DEBUG=False,
        SECRET_KEY="the authorization server's own",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="__main__",
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SESSION_COOKIE_NAME="authorization_server",  # cookies do not distinguish ports
        CSRF_COOKIE_NAME="authorization_server_csrf",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{setup['folder']}/db.sqlite3",
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"},
            }
        },
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        LOGIN_URL="/login",
        OAUTH2_PROVIDER={
            "SCOPES": {"openid": "Sign in", "email": "See your address", SCOPE: "Keep files"},
            "ACCESS_TOKEN_EXPIRE_SECONDS": setup["lifetime"],
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "PKCE_REQUIRED": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
        },
        LOGGING={"version": 1, "loggers": {"django.server": {"level": "ERROR"}}},
    )
    django.setup()
    globals()["urlpatterns"] = _urlpatterns()
    call_command("migrate", verbosity=0)
    _populate(setup)
    call_command("runserver", f"127.0.0.1:{setup['port']}", use_reloader=False, verbosity=0, skip_checks=True)


SCOPE = "https://www.googleapis.com/auth/drive.file"
LOG: list[dict[str, Any]] = []


def _populate(setup: dict[str, Any]) -> None:
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application

    User.objects.create_user("ada", "ada@example.com", "ada")
    Application.objects.create(
        name="Invenicum",
        client_id=AuthorizationServer.client_id,
        client_secret=AuthorizationServer.client_secret,
        client_type="confidential",
        authorization_grant_type="authorization-code",
        redirect_uris=" ".join(setup["redirect_uris"]),
    )


def _urlpatterns() -> list[Any]:
    from django.contrib.auth import authenticate, login
    from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
    from django.middleware.csrf import get_token
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt
    from oauth2_provider.models import AccessToken
    from oauth2_provider.views import AuthorizationView, RevokeTokenView, TokenView

    def sign_in(request: Any) -> Any:
        if request.method == "POST":
            user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
            if user:
                login(request, user)
                return HttpResponseRedirect(request.GET["next"])
        return HttpResponse(
            f"<form method=post><input type=hidden name=csrfmiddlewaretoken value={get_token(request)}>"
            "<input name=username><input name=password type=password><button>Sign in</button></form>"
        )

    def me(request: Any) -> Any:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        row = AccessToken.objects.filter(token=token).first()
        if row is None or not row.is_valid():
            return JsonResponse({"error": "invalid_token"}, status=401)
        return JsonResponse({"email": row.user.email})

    def logged(view: Any) -> Any:
        @csrf_exempt
        def wrapper(request: Any) -> Any:
            answer = view(request)
            LOG.append({"path": request.path, "grant": request.POST.get("grant_type"), "status": answer.status_code})
            return answer

        return wrapper

    return [
        path("login", sign_in),
        path("me", me),
        path("log", lambda request: JsonResponse(LOG, safe=False)),
        path("o/authorize/", AuthorizationView.as_view(), name="authorize"),
        path("o/token/", logged(TokenView.as_view())),
        path("o/revoke_token/", logged(RevokeTokenView.as_view())),
    ]


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))

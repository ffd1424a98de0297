"""All that the golden tests know of the project beside its HTTP API.

Nothing here names a module of the project: users are Django's, tokens and deliveries come from management commands.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken
from rest_framework.throttling import SimpleRateThrottle

from invenicum.accounts.models import User
from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

CLOSED = "http://127.0.0.1:9"  # nobody listens there
# Ids far from those that other tests give away, so that they are the same in every run.
PEOPLE = {"alice": 900_000_001, "bob": 900_000_002, "charlie": 900_000_003, "dora": 900_000_004}
JWT_SECRET = "a-secret-that-the-app-and-the-service-share"
# fmt: off
TYPES = (
    "s3", "google_drive", "dropbox", "github", "gitlab", "bitbucket", "slack", "discord", "teams", "google_analytics",
    "mixpanel", "webhook",
)
# fmt: on
DRIVE_SCOPES = "openid email https://www.googleapis.com/auth/drive.file"


class World:
    """Alice, who owns; Bob, who belongs; Charlie, who must see nothing; Dora, who is locked out; and a server of
    theirs, which is every service's at once. `names` are what earlier answers kept.
    """

    def __init__(self, settings: Any, environment: Any, server: FakeServer):
        self.settings, self.environment, self.server = settings, environment, server
        self.names = {"receiver": server.url, "closed": CLOSED}
        self.answers: dict[str, Answer] = {}
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.jars: dict[str, SimpleCookie] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        server.handler = self._answer
        settings.PUBLIC_URL = "https://integrations.example.com"
        settings.PROVIDER_ENDPOINTS = {name: {"apiUrl": CLOSED} for name in TYPES}
        settings.CORS_ALLOWED_ORIGINS = settings.OAUTH_RETURN_ORIGINS = ["https://app.example.com"]
        settings.INVENICUM_JWT_SECRET = JWT_SECRET
        settings.RETRY_SCHEDULE = (0, 3600, 7200)  # hours, so that nothing is tried again while a test is slow
        # What is limited to so many requests a minute stands in one moment, however slow the machine is.
        environment.setattr(SimpleRateThrottle, "timer", staticmethod(float))
        for name, key in PEOPLE.items():
            User.objects.create_user(name, f"{name}@example.com", account_id=str(key))
        User.objects.filter(username="dora").update(is_active=False)

    def token(self, user: str, scopes: str = "") -> str:
        """An access token of `user`, with all that a person may do unless `scopes` says which."""
        if (user, scopes) not in self._tokens:
            printed = io.StringIO()
            call_command("issue_token", user, *(["--scope", scopes] if scopes else []), stdout=printed)
            self._tokens[user, scopes] = printed.getvalue().strip()
        return self._tokens[user, scopes]

    def _answer(self, request: Received) -> Answer:
        path = urlsplit(request.path).path
        if path in self.answers:
            return self.answers[path]
        if path == "/token":
            return _issue(dict(parse_qsl(request.body.decode())))
        if path == "/me":
            known = request.headers.get("authorization") != "Bearer access-of-nobody"
            account = {"email": "ada@example.com", "login": "ada", "team": "Ada's", "ok": True}
            return json_answer(200, account) if known else json_answer(500, {})
        return 200, {}, b"thanks"


def _issue(form: dict[str, str]) -> Answer:
    """What a provider's token endpoint answers, by the code that it is given."""
    code = form.get("code", "")
    if code == "refused" or form.get("grant_type") == "refresh_token":
        return json_answer(400, {"error": "invalid_grant"})
    if code == "busy":
        return json_answer(503, {})
    scope = "openid" if code == "unticked" else DRIVE_SCOPES
    tokens = {"access_token": f"access-of-{code}", "refresh_token": "refresh-0001", "scope": scope}
    return json_answer(200, {**tokens, "token_type": "bearer", "expires_in": 0.001 if code == "brief" else 3600})


def the_engine_runs(world: World) -> None:
    """Everything that is due is delivered, and every job done."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        call_command("deliver", once=True)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def the_engine_is_seen(world: World) -> None:
    """It notes only every two seconds that it looked for work."""
    for _ in range(100):
        the_engine_runs(world)
        if world.client.get("/readyz").json()["lastDrain"]:
            return
        time.sleep(0.05)


def the_feed_shows(user: str, count: int) -> Callable[[World], None]:
    """Waits until the feed has so many events: on PostgreSQL it ends where any transaction of the server still runs."""

    def act(world: World) -> None:
        headers = {"Authorization": f"Bearer {world.token(user)}"}
        found = -1
        for _ in range(1200):
            found = len(world.client.get("/events?limit=100", headers=headers).json()["data"])
            if found >= count:
                break
            time.sleep(0.05)
        assert found == count, f"the feed of {user} shows {found} events, not {count}"

    return act


def the_receiver_answers(path: str, status: int, body: bytes = b"", **headers: str) -> Callable[[World], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda world: world.answers.update({path: (status, named, body)})


def the_receiver_answers_json(path: str, payload: Any) -> Callable[[World], None]:
    return lambda world: world.answers.update({path: json_answer(200, payload)})


def the_channel_is_known(world: World) -> None:
    """Google Drive names in every call the channel that it was asked to open."""
    asked = [request for request in world.server.requests if request.path.startswith("/drive/v3/changes/watch")]
    world.names["channel"] = asked[-1].json()["id"]


def the_setting_is(name: str, value: Any) -> Callable[[World], None]:
    return lambda world: setattr(world.settings, name, value)


def the_client_is_configured(*types: str) -> Callable[[World], None]:
    """For the services given, each of which is the receiver from now on."""

    def act(world: World) -> None:
        url = world.server.url
        paths = {"authorizeUrl": "/authorize", "tokenUrl": "/token", "revokeUrl": "/revoke", "identityUrl": "/me"}
        addresses = {name: url + path for name, path in paths.items()} | {"apiUrl": url}
        world.settings.PROVIDER_ENDPOINTS = {**world.settings.PROVIDER_ENDPOINTS, **dict.fromkeys(types, addresses)}
        clients = {name: (f"{name}-client", f"{name}-secret") for name in types}
        world.settings.OAUTH_CLIENTS = {**world.settings.OAUTH_CLIENTS, **clients}

    return act


def somebody_signs_in(user: str, browser: str) -> Callable[[World], None]:
    """In the admin, with a password."""

    def act(world: World) -> None:
        client = Client()
        client.force_login(User.objects.get(username=user))
        world.jars[browser] = client.cookies

    return act


def somebody_tests(user: str, times: int) -> Callable[[World], None]:
    """Asks for connection tests that come to nothing, which count all the same."""

    def act(world: World) -> None:
        headers = {"Authorization": f"Bearer {world.token(user)}"}
        for _ in range(times):
            assert world.client.post("/integrations/test", headers=headers).status_code < 500

    return act


def tokens_are_made(world: World) -> None:
    """One of each kind that goes into a header by hand."""
    world.names["token"] = world.token("alice")
    for kind in ("expired", "revoked", "locked"):
        user = "dora" if kind == "locked" else "bob"
        world.names[kind] = world.token(user, f"assets:read {'assets:write' if kind == 'revoked' else 'events:write'}")
    past = timezone.now() - timedelta(seconds=1)
    AccessToken.objects.filter(token_checksum=_checksum(world.names["expired"])).update(expires=past)
    AccessToken.objects.filter(token_checksum=_checksum(world.names["revoked"])).delete()
    now = int(time.time())
    claims: dict[str, Any] = {"userId": "456", "email": "eve@example.com", "name": "Eve", "exp": now + 600}
    world.names["app"] = app_token(claims)
    world.names["app_expired"] = app_token({**claims, "exp": now - 60})
    world.names["app_forged"] = app_token(claims, "another-secret-that-is-not-shared")
    world.names["app_nobody"] = app_token({**claims, "userId": ""})
    world.names["app_no_email"] = app_token({**claims, "email": "nobody"})
    world.names["app_unsigned"] = app_token(claims).rpartition(".")[0] + "."


def app_token(claims: dict[str, Any], secret: str = JWT_SECRET) -> str:
    """A JSON Web Token as the Invenicum app signs it (RFC 7515, HS256)."""
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = ".".join(_base64(part) for part in parts)
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _checksum(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

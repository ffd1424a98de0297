"""The parts of the project that the golden tests use besides its HTTP API.

They are few, users and management commands, so that moved modules need no change here.
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
from invenicum.metering import RateMeter
from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

CLOSED = "http://127.0.0.1:9"  # a port without a listener
# Ids that no other test uses, so that they are the same in every run.
PEOPLE = {"alice": 900_000_001, "bob": 900_000_002, "charlie": 900_000_003, "dora": 900_000_004}
USER_NAMES = {name: f"invenicum:{key}" for name, key in PEOPLE.items()}
JWT_SECRET = "a-secret-that-the-app-and-the-service-share"
# fmt: off
TYPES = (
    "s3", "google_drive", "dropbox", "github", "gitlab", "bitbucket", "slack", "discord", "teams", "google_analytics",
    "mixpanel", "webhook",
)
# fmt: on
DRIVE_SCOPES = "openid email https://www.googleapis.com/auth/drive.file"


class Harness:
    """Users, settings and a fake server for the scenarios.

    Alice owns, Bob belongs, Charlie must see nothing, Dora is deactivated. One fake server plays every service. `names`
    are values that earlier answers kept.
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
        settings.RETRY_SCHEDULE = (0, 3600, 7200)  # seconds; long enough that a slow test sees no retry
        # All requests are in the same minute for the throttles, however slow the machine is.
        environment.setattr(SimpleRateThrottle, "timer", staticmethod(float))
        # Some areas save more often than an account may in a minute.
        limit_saves("10000/min")(self)
        environment.setattr(RateMeter, "clock", staticmethod(float))
        for name, key in PEOPLE.items():
            User.objects.create_user(USER_NAMES[name], f"{name}@example.com", account_id=str(key))
        User.objects.filter(username=USER_NAMES["dora"]).update(is_active=False)

    def token(self, user: str, scopes: str = "") -> str:
        """An access token of `user`, with `scopes` or all scopes of a person."""
        if (user, scopes) not in self._tokens:
            printed = io.StringIO()
            call_command(
                "issue_token", USER_NAMES.get(user, user), *(["--scope", scopes] if scopes else []), stdout=printed
            )
            self._tokens[user, scopes] = printed.getvalue().strip()
        return self._tokens[user, scopes]

    def _answer(self, request: Received) -> Answer:
        path = urlsplit(request.path).path
        if path in self.answers:
            return self.answers[path]
        if path == "/token":
            return _issue(dict(parse_qsl(request.body.decode())))
        if path == "/me":
            known = request.headers.get("authorization") != "Bearer access-of-anonymous"
            account = {"email": "ada@example.com", "login": "ada", "team": "Ada's", "ok": True}
            return json_answer(200, account) if known else json_answer(500, {})
        return 200, {}, b"thanks"


def _issue(form: dict[str, str]) -> Answer:
    """The answer of a provider's token endpoint; it depends on the code."""
    code = form.get("code", "")
    if code == "code-that-is-refused" or form.get("grant_type") == "refresh_token":
        return json_answer(400, {"error": "invalid_grant"})
    if code == "busy":
        return json_answer(503, {})
    scope = "openid" if code == "unticked" else DRIVE_SCOPES
    tokens = {"access_token": f"access-of-{code}", "refresh_token": "refresh-0001", "scope": scope}
    return json_answer(200, {**tokens, "token_type": "bearer", "expires_in": 0.001 if code == "brief" else 3600})


def run_engine(harness: Harness) -> None:
    """Sends all due deliveries and does all jobs."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        call_command("deliver", once=True)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def wait_for_engine(harness: Harness) -> None:
    """Waits until `/readyz` shows a run of the engine, which is written every two seconds only."""
    for _ in range(100):
        run_engine(harness)
        if harness.client.get("/readyz").json()["lastDrain"]:
            return
        time.sleep(0.05)


def wait_for_feed(user: str, count: int) -> Callable[[Harness], None]:
    """Waits until the feed has `count` events: on PostgreSQL any open transaction of the server holds it back."""

    def act(harness: Harness) -> None:
        headers = {"Authorization": f"Bearer {harness.token(user)}"}
        found = -1
        for _ in range(1200):
            found = len(harness.client.get("/events?limit=100", headers=headers).json()["data"])
            if found >= count:
                break
            time.sleep(0.05)
        assert found == count, f"the feed of {user} shows {found} events, not {count}"

    return act


def set_receiver_answer(path: str, status: int, body: bytes = b"", **headers: str) -> Callable[[Harness], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda harness: harness.answers.update({path: (status, named, body)})


def set_receiver_json(path: str, payload: Any) -> Callable[[Harness], None]:
    return lambda harness: harness.answers.update({path: json_answer(200, payload)})


def keep_channel_id(harness: Harness) -> None:
    """Keeps the id of the opened Google Drive channel, which each of its calls names."""
    asked = [request for request in harness.server.requests if request.path.startswith("/drive/v3/changes/watch")]
    harness.names["channel"] = asked[-1].json()["id"]


def set_setting(name: str, value: Any) -> Callable[[Harness], None]:
    return lambda harness: setattr(harness.settings, name, value)


def limit_saves(rate: str) -> Callable[[Harness], None]:
    """Sets how often each account may change its integrations, e.g. `60/min`."""
    return _limit("save", rate)


def limit_backfills(rate: str) -> Callable[[Harness], None]:
    """Sets how often each account may ask for a backfill, e.g. `30/min`."""
    return _limit("backfill", rate)


def _limit(scope: str, rate: str) -> Callable[[Harness], None]:
    def act(harness: Harness) -> None:
        rates = {**SimpleRateThrottle.THROTTLE_RATES, scope: rate}
        harness.environment.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)

    return act


def configure_clients(*types: str) -> Callable[[Harness], None]:
    """Sets an OAuth client for each of `types`, with the fake server as the provider."""

    def act(harness: Harness) -> None:
        url = harness.server.url
        paths = {"authorizeUrl": "/authorize", "tokenUrl": "/token", "revokeUrl": "/revoke", "identityUrl": "/me"}
        addresses = {name: url + path for name, path in paths.items()} | {"apiUrl": url}
        harness.settings.PROVIDER_ENDPOINTS = {**harness.settings.PROVIDER_ENDPOINTS, **dict.fromkeys(types, addresses)}
        clients = {name: (f"{name}-client", f"{name}-secret") for name in types}
        harness.settings.OAUTH_CLIENTS = {**harness.settings.OAUTH_CLIENTS, **clients}

    return act


def sign_in(user: str, browser: str) -> Callable[[Harness], None]:
    """Signs `user` in, as the admin's login does."""

    def act(harness: Harness) -> None:
        client = Client()
        client.force_login(User.objects.get(username=USER_NAMES.get(user, user)))
        harness.jars[browser] = client.cookies

    return act


def send_connection_tests(user: str, times: int) -> Callable[[Harness], None]:
    """Sends connection tests, which count for the rate limit although they fail."""

    def act(harness: Harness) -> None:
        headers = {"Authorization": f"Bearer {harness.token(user)}"}
        for _ in range(times):
            assert harness.client.post("/integrations/test", headers=headers).status_code < 500

    return act


def create_tokens(harness: Harness) -> None:
    """Creates one token of each kind for the scenarios that set the header themselves."""
    harness.names["token"] = harness.token("alice")
    for kind in ("expired", "revoked", "locked"):
        user = "dora" if kind == "locked" else "bob"
        harness.names[kind] = harness.token(
            user, f"assets:read {'assets:write' if kind == 'revoked' else 'events:write'}"
        )
    past = timezone.now() - timedelta(seconds=1)
    AccessToken.objects.filter(token_checksum=_checksum(harness.names["expired"])).update(expires=past)
    AccessToken.objects.filter(token_checksum=_checksum(harness.names["revoked"])).delete()
    now = int(time.time())
    claims: dict[str, Any] = {"userId": "456", "email": "eve@example.com", "name": "Eve", "exp": now + 600}
    harness.names["app"] = app_token(claims)
    harness.names["app_expired"] = app_token({**claims, "exp": now - 60})
    harness.names["app_forged"] = app_token(claims, "another-secret-that-is-not-shared")
    harness.names["app_no_user"] = app_token({**claims, "userId": ""})
    harness.names["app_no_email"] = app_token({**claims, "email": "no-address"})
    harness.names["app_unsigned"] = app_token(claims).rpartition(".")[0] + "."


def app_token(claims: dict[str, Any], secret: str = JWT_SECRET) -> str:
    """A JSON Web Token as the Invenicum app signs it (RFC 7515, HS256)."""
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = ".".join(_base64(part) for part in parts)
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _checksum(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

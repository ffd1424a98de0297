"""What an instance reaches: one server that its EGRESS_PROXY names, in the place of receivers and providers.

So recorded addresses need no port that is free, and nothing outside is ever asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer
from tests.waiting import WAIT_DEADLINE_SECONDS

RECEIVERS = "http://hooks.example.com"
# Providers are at an address of this machine, because codes and tokens are sent over TLS otherwise.
PROVIDER_PORT = 8018
PROVIDERS = f"http://127.0.0.1:{PROVIDER_PORT}"
OAUTH_TYPES = ("google_drive", "dropbox", "github", "slack")
SCOPES = "openid email https://www.googleapis.com/auth/drive.file"
THANKS: Answer = (200, {}, b"thanks")


class World:
    """Answers everything, and keeps what was delivered.

    `answers`: what the receiver at a path answers, instead of 200. While `answering` is cleared, those at `hanging`
    answer nothing.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.hanging: set[str] = set()
        self.answering = threading.Event()
        self.received: list[tuple[str, Received]] = []
        self.times: dict[str, list[float]] = {}  # when they arrived, by path, in seconds of the monotonic clock
        self._server = FakeServer(self._answer)

    @property
    def proxy(self) -> str:
        return self._server.url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.answering.set()
        self._server.__exit__(*error)

    def at(self, path: str) -> list[Received]:
        """The requests that came to a path, e.g. `/bob`, in order."""
        return [request for place, request in list(self.received) if place == path]

    def _answer(self, request: Received) -> Answer:
        if request.method == "CONNECT":
            return 502, {}, b""  # a service over TLS, which is out of reach
        path = urlsplit(request.path).path
        self.received.append((path, request))
        self.times.setdefault(path, []).append(time.monotonic())
        if path in self.hanging:
            self.answering.wait(WAIT_DEADLINE_SECONDS)
        if path.endswith("/token"):
            return _issue(dict(parse_qsl(request.body.decode())))
        if path.endswith("/me"):
            return json_answer(200, {"email": "ada@example.com", "login": "ada", "team": "Ada's", "ok": True})
        return self.answers.get(path, THANKS)


def _issue(form: dict[str, str]) -> Answer:
    """The answer of a provider's token endpoint. Who connects with the code `refused` is refused a refresh."""
    code, refresh = form.get("code", ""), form.get("refresh_token", "")
    if refresh == "refresh-of-refused":
        return json_answer(400, {"error": "invalid_grant"})
    whose = code or refresh.removeprefix("refresh-of-")
    tokens = {"access_token": f"access-of-{whose}", "refresh_token": f"refresh-of-{whose}", "scope": SCOPES}
    return json_answer(200, {**tokens, "token_type": "bearer", "expires_in": 1 if code == "refused" else 1800})


def endpoints(types: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """PROVIDER_ENDPOINTS for the types."""
    paths = {"authorizeUrl": "authorize", "tokenUrl": "token", "revokeUrl": "revoke", "identityUrl": "me"}
    return {
        name: {key: f"{PROVIDERS}/{name}/{path}" for key, path in paths.items()} | {"apiUrl": f"{PROVIDERS}/{name}"}
        for name in types
    }


def is_signed(request: Received, secret: str) -> bool:
    """Whether both signatures of a webhook, as docs/webhooks.md has them, are those of a secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    standard = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    ours = f"sha256={hmac.digest(secret.encode(), request.body, hashlib.sha256).hex()}"
    # For a day after a rotation the one before signs the first, and the new one the second.
    headers = ("x-invenicum-signature", "x-invenicum-signature-next")
    is_standard = f"v1,{standard}" in request.headers["webhook-signature"].split()
    return is_standard and ours in [request.headers.get(name) for name in headers]

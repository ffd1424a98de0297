"""A strict provider: it rotates refresh tokens, accepts each once, and revokes the whole connection if one is used
twice. Its API at `/2/…` is Dropbox's upload, which accepts only the newest access token.
"""

import threading
import time
from urllib.parse import parse_qsl

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer


class TokenServer(FakeServer):
    """`number` counts the tokens issued; `uploads` are the documents received; `fails` answers all refreshes, `refuses`
    all uploads with a valid token.
    """

    def __init__(self, *, expires_in: int | None = 3600, seconds: float = 0) -> None:
        super().__init__(self._handle)
        self.expires_in = expires_in
        self.seconds = seconds  # the duration of a refresh
        self.number = 1
        self.revoked = False
        self.fails: Answer | None = None
        self.refuses: Answer | None = None
        self.uploads: list[bytes] = []
        self.given_back: list[str] = []
        self._lock = threading.Lock()

    @property
    def access(self) -> str:
        return f"access-{self.number}"

    @property
    def endpoints(self) -> dict[str, str]:
        return {
            "authorizeUrl": f"{self.url}/authorize",
            "tokenUrl": f"{self.url}/token",
            "revokeUrl": f"{self.url}/revoke",
            "identityUrl": f"{self.url}/me",
            "apiUrl": self.url,
        }

    @property
    def refreshes(self) -> int:
        return sum(request.path == "/token" for request in self.requests)

    def _handle(self, request: Received) -> Answer:
        if request.path == "/token":
            time.sleep(self.seconds)
            return self.fails or self._refresh(dict(parse_qsl(request.body.decode())))
        if self.revoked or request.headers.get("authorization") != f"Bearer {self.access}":
            return json_answer(401, {"error_summary": "expired_access_token/"})
        if request.path == "/revoke":
            self.given_back.append(self.access)
            self.revoked = True
            return json_answer(200, None)
        if self.refuses:
            return self.refuses
        self.uploads.append(request.body)
        return json_answer(200, {"rev": "1"})

    def _refresh(self, form: dict[str, str]) -> Answer:
        with self._lock:
            if self.revoked or form["refresh_token"] != f"refresh-{self.number}":
                self.revoked = True
                return json_answer(400, {"error": "invalid_grant"})
            self.number += 1
            answer = {"access_token": self.access, "refresh_token": f"refresh-{self.number}", "token_type": "bearer"}
            return json_answer(200, answer | ({"expires_in": self.expires_in} if self.expires_in else {}))

"""Asks a running web server over HTTP, as a program with a token or a browser with cookies does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.waiting import WAIT_DEADLINE_SECONDS

API = "/api/v1"


@dataclass(frozen=True)
class Reply:
    """An answer: `json` is its decoded body, or None."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text) if "json" in self.headers.get("content-type", "") else None


class Caller:
    """One person or program. Paths are of the API, unless they begin with `//`, which stands for the root."""

    def __init__(self, port: int, token: str = "", cookies: dict[str, str] | None = None) -> None:
        self.port, self.token, self.cookies = port, token, dict(cookies or {})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """A form is sent if `body` is a list of pairs, else JSON."""
        path = path[1:] if path.startswith("//") else API + path
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            given["Authorization"] = f"Bearer {self.token}"
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        is_form = isinstance(body, list)
        content = body if isinstance(body, bytes) else urlencode(body) if is_form else json.dumps(body)
        given.setdefault("Content-Type", f"application/{'x-www-form-urlencoded' if is_form else 'json'}")
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_DEADLINE_SECONDS)
        try:
            connection.request(method, path, None if body is None else content, given)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
            found = {name.lower(): value for name, value in response.getheaders()}
            for line in response.headers.get_all("Set-Cookie", []):
                self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            return Reply(response.status, found, text)
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """The `data` of an answer that must be a success."""
        reply = self.ask("POST", path, body, **headers)
        assert reply.status < 400, f"{path}: {reply.status} {reply.text}"
        return reply.json["data"] if reply.json and "data" in reply.json else reply.json

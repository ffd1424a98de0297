"""A GitHub with the repository `my-org/asset-repo`, its files and hooks. It refuses what GitHub refuses."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "ghp_0123456789abcdef"
REPOSITORY = "/repos/my-org/asset-repo"


class FakeGitHub(FakeServer):
    """`files` maps a path to its content on `main`; `commits` holds the messages; `can_write`: may the token?"""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.hooks: dict[int, dict[str, Any]] = {}
        self.can_write = True
        self.hook_answers: list[Answer] = []  # errors for the next attempts to register a hook
        self.before_write: list[Any] = []  # called one by one, e.g. to commit something else between two requests

    def _handle(self, request: Received) -> Answer:
        if not request.headers.get("user-agent"):
            return _error(403, "Request forbidden by administrative rules.")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "Bad credentials")
        parts = urlsplit(request.path)
        if not parts.path.startswith(REPOSITORY):
            return _error(404, "Not Found")
        path = unquote(parts.path.removeprefix(REPOSITORY))
        payload = json.loads(request.body) if request.body else {}
        if not path:
            return json_answer(200, {"full_name": "my-org/asset-repo", "private": True, "permissions": {"push": True}})
        if path.startswith("/branches/"):
            return json_answer(200, {"name": "main"}) if path == "/branches/main" else _error(404, "Branch not found")
        if path.startswith("/hooks"):
            return self._hooks(request.method, path.removeprefix("/hooks").lstrip("/"), payload)
        if request.method != "GET" and not self.can_write:
            return _error(403, "Resource not accessible by personal access token")
        if path == "/git/blobs":
            return json_answer(201, {"sha": blob_sha(b"")})
        if path.startswith("/contents/"):
            ref = parse_qs(parts.query).get("ref", [payload.get("branch")])[0]
            return self._contents(request.method, path.removeprefix("/contents/"), ref, payload)
        return _error(404, "Not Found")

    def _contents(self, method: str, path: str, branch: str | None, payload: dict[str, Any]) -> Answer:
        if branch != "main":
            return _error(
                404, f"No commit found for the ref {branch}" if method == "GET" else f"Branch {branch} not found"
            )
        if method != "GET" and self.before_write:
            self.before_write.pop(0)()
        current = self.files.get(path)
        if method == "GET":
            if current is None:
                return _error(404, "Not Found")
            encoded = base64.encodebytes(current).decode()
            return json_answer(
                200, {"type": "file", "sha": blob_sha(current), "encoding": "base64", "content": encoded}
            )
        if current is None and method == "DELETE":
            return _error(404, "Not Found")
        if current is not None and "sha" not in payload:
            return _error(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        if current is not None and payload["sha"] != blob_sha(current):
            return _error(409, f"{path} does not match {payload['sha']}")
        self.commits.append(payload["message"])
        if method == "DELETE":
            del self.files[path]
            return json_answer(200, {"content": None})
        self.files[path] = base64.b64decode(payload["content"], validate=True)
        return json_answer(201 if current is None else 200, {"content": {"path": path}})

    def _hooks(self, method: str, number: str, payload: dict[str, Any]) -> Answer:
        if method == "GET":
            return json_answer(200, list(self.hooks.values()))
        if method == "POST" and self.hook_answers:
            return self.hook_answers.pop(0)
        if method == "POST":
            if any(hook["config"]["url"] == payload["config"]["url"] for hook in self.hooks.values()):
                errors = [{"resource": "Hook", "message": "Hook already exists on this repository"}]
                return json_answer(422, {"message": "Validation Failed", "errors": errors})
            number = str(len(self.hooks) + 101)
            self.hooks[int(number)] = {"id": int(number), **payload}
            return json_answer(201, self.hooks[int(number)])
        if int(number) not in self.hooks:
            return _error(404, "Not Found")
        if method == "DELETE":
            del self.hooks[int(number)]
            return 204, {}, b""
        self.hooks[int(number)].update(payload)
        return json_answer(200, self.hooks[int(number)])


def blob_sha(content: bytes) -> str:
    """The id that Git computes for a file with this content."""
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()


def _error(status: int, message: str) -> Answer:
    return json_answer(status, {"message": message, "documentation_url": "https://docs.github.com/rest"})

"""A GitLab with the project `my-group/asset-repo`, its files and hooks. It refuses what GitLab refuses."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "glpat-0123456789abcdef"
PROJECT = "/api/v4/projects/my-group%2Fasset-repo"


class FakeGitLab(FakeServer):
    """`files` maps a path to its content on `main`; `commits` holds the messages; `scopes` are the token's."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.hooks: dict[int, dict[str, Any]] = {}
        self.scopes = ["api"]
        self.can_push = True
        self.before_write: list[Any] = []  # called one by one, e.g. to commit something else between two requests

    def _handle(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_answer(401, {"message": "401 Unauthorized"})
        parts = urlsplit(request.path)
        if parts.path == "/api/v4/personal_access_tokens/self":
            return json_answer(200, {"scopes": self.scopes})
        if not parts.path.startswith(PROJECT):
            return json_answer(404, {"message": "404 Project Not Found"})
        path = parts.path.removeprefix(PROJECT)
        payload = json.loads(request.body) if request.body else {}
        if not path:
            return json_answer(200, {"id": 7, "path_with_namespace": "my-group/asset-repo", "web_url": self.url})
        if path.startswith("/repository/branches/"):
            if path != "/repository/branches/main":
                return json_answer(404, {"message": "404 Branch Not Found"})
            return json_answer(200, {"name": "main", "can_push": self.can_push})
        if path.startswith("/repository/files/"):
            return self._file(unquote(path.removeprefix("/repository/files/")), parse_qs(parts.query)["ref"][0])
        if path == "/repository/commits":
            return self._commit(payload)
        return self._hooks(request.method, path.removeprefix("/hooks").lstrip("/"), payload)

    def _file(self, path: str, branch: str) -> Answer:
        if branch != "main":
            return json_answer(404, {"message": "404 Commit Not Found"})
        if path not in self.files:
            return json_answer(404, {"message": "404 File Not Found"})
        content = self.files[path]
        encoded = base64.b64encode(content).decode()
        return json_answer(200, {"content": encoded, "last_commit_id": version(content)})

    def _commit(self, payload: dict[str, Any]) -> Answer:
        if self.before_write:
            self.before_write.pop(0)()
        if payload["branch"] != "main":
            return json_answer(400, {"message": "You can only create or edit files when you are on a branch"})
        if not self.can_push:
            return json_answer(403, {"message": "403 Forbidden - You are not allowed to push into this branch"})
        (action,) = payload["actions"]
        current = self.files.get(action["file_path"])
        if action["action"] == "create" and current is not None:
            return json_answer(400, {"message": "A file with this name already exists"})
        if action["action"] != "create" and current is None:
            return json_answer(400, {"message": "A file with this name doesn't exist"})
        if current is not None and action["last_commit_id"] != version(current):
            return json_answer(400, {"message": "The file has changed since you started editing it."})
        self.commits.append(payload["commit_message"])
        if action["action"] == "delete":
            del self.files[action["file_path"]]
        else:
            self.files[action["file_path"]] = action["content"].encode()
        return json_answer(201, {"id": "6104942438c14ec7bd21c6cd5bd995272b3faff6"})

    def _hooks(self, method: str, number: str, payload: dict[str, Any]) -> Answer:
        if method == "GET":
            return json_answer(200, [{**hook, "token": None} for hook in self.hooks.values()])
        if method == "POST":
            number = str(len(self.hooks) + 1)
            self.hooks[int(number)] = {"id": int(number), **payload}
            return json_answer(201, self.hooks[int(number)])
        if int(number) not in self.hooks:
            return json_answer(404, {"message": "404 Not found"})
        if method == "DELETE":
            del self.hooks[int(number)]
            return 204, {}, b""
        self.hooks[int(number)].update(payload)
        return json_answer(200, self.hooks[int(number)])


def version(content: bytes) -> str:
    """An id for the commit that last changed a file with this content."""
    return hashlib.sha1(content).hexdigest()

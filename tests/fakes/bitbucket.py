"""A Bitbucket with the repository `my-workspace/asset-repo`, its files and hooks. It refuses what Bitbucket refuses."""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "ATCTT3xFfGN00123456789"
REPOSITORY = "/repositories/my-workspace/asset-repo"


class FakeBitbucket(FakeServer):
    """`files` maps a path to its content on `main`; `commits` holds the messages; `scopes` are the token's.

    `is_empty`: there is no commit yet, so no branch.
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.hooks: dict[str, dict[str, Any]] = {}
        self.scopes = "repository:write, webhook"
        self.is_empty = False
        self.before_write: list[Any] = []  # called one by one, e.g. to commit something else between two requests

    @property
    def tip(self) -> str:
        return hashlib.sha1("".join(self.commits).encode()).hexdigest()

    def _handle(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "Token is invalid, expired, or not supported for this endpoint.")
        path = unquote(urlsplit(request.path).path)
        if not path.startswith(REPOSITORY):
            return _error(404, "You may not have access to this repository or it no longer exists")
        path = path.removeprefix(REPOSITORY)
        if not path:
            main = None if self.is_empty else {"type": "branch", "name": "main"}
            answer = {"full_name": "my-workspace/asset-repo", "is_private": True, "mainbranch": main}
            return json_answer(200, answer, {"X-OAuth-Scopes": self.scopes})
        if path.startswith("/refs/branches/"):
            if self.is_empty or path != "/refs/branches/main":
                return _error(404, "No such branch")
            return json_answer(200, {"name": "main", "target": {"hash": self.tip}})
        if path == "/src":
            return self._commit({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        if path.startswith("/src/"):
            _, _, commit, name = path.split("/", 3)
            assert commit == self.tip
            return (200, {}, self.files[name]) if name in self.files else _error(404, "No such file or directory")
        return self._hooks(request, path.removeprefix("/hooks").lstrip("/"))

    def _commit(self, form: dict[str, str]) -> Answer:
        if self.before_write:
            self.before_write.pop(0)()
        if "write" not in self.scopes:
            return _error(403, "Your credentials lack one or more required privilege scopes.")
        # https://jira.atlassian.com/browse/BCLOUD-8672: without parents only the first commit of all is right for us
        if self.is_empty == ("parents" in form) or (not self.is_empty and form["parents"] != self.tip):
            return _error(409, "Parent is not the branch's tip.")
        if not self.is_empty and form["branch"] != "main":
            return _error(409, "Parent is not the branch's tip.")
        self.is_empty = False
        self.commits.append(form["message"])
        for name, value in form.items():
            if name.startswith("/"):
                self.files[name.lstrip("/")] = value.encode()
            elif name == "files":
                self.files.pop(value.lstrip("/"), None)
        return 201, {}, b""

    def _hooks(self, request: Received, uuid: str) -> Answer:
        payload = json.loads(request.body) if request.body else {}
        if request.method == "GET":
            query = parse_qs(urlsplit(request.path).query)
            size, page = int(query.get("pagelen", ["10"])[0]), int(query.get("page", ["1"])[0])
            hooks = list(self.hooks.values())
            # https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination
            following = f"{self.url}{REPOSITORY}/hooks?pagelen={size}&page={page + 1}"
            more = {"next": following} if page * size < len(hooks) else {}
            shown = hooks[(page - 1) * size : page * size]
            return json_answer(200, {"values": shown, "pagelen": size, "size": len(hooks), "page": page, **more})
        if request.method == "POST":
            uuid = f"{{0000000{len(self.hooks)}-0000-4000-8000-000000000000}}"
            self.hooks[uuid] = {"uuid": uuid, **payload}
            return json_answer(201, self.hooks[uuid])
        if uuid not in self.hooks:
            return _error(404, "No such webhook")
        if request.method == "DELETE":
            del self.hooks[uuid]
            return 204, {}, b""
        self.hooks[uuid].update(payload)
        return json_answer(200, self.hooks[uuid])


def _error(status: int, message: str) -> Answer:
    return json_answer(status, {"type": "error", "error": {"message": message}})

"""A Bitbucket with the repository `my-workspace/asset-repo`, its files and hooks. It refuses what Bitbucket refuses."""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

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
        self.other_branches: dict[str, dict[str, bytes]] = {}
        self.pull_requests: list[dict[str, Any]] = []  # those that are open
        self.before_write: list[Any] = []  # called one by one, e.g. to commit something else between two requests

    def tip(self, branch: str = "main") -> str:
        return hashlib.sha1(f"{branch} {''.join(self.commits)}".encode()).hexdigest()

    def _files(self, branch: str) -> dict[str, bytes] | None:
        return self.files if branch == "main" else self.other_branches.get(branch)

    def merge(self) -> None:
        """As if somebody merged the pull request that is open, which closes its branch."""
        self.files = self.other_branches.pop(self.pull_requests.pop()["source"]["branch"]["name"])

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
        if path.startswith("/pullrequests"):
            return self._pull_requests(request)
        if path.startswith("/refs/branches"):
            return self._branch(request, path.removeprefix("/refs/branches").lstrip("/"))
        if path == "/src":
            return self._commit(parse_qsl(request.body.decode(), strict_parsing=True))
        if path.startswith("/src/"):
            _, _, commit, name = path.split("/", 3)
            branch = next(one for one in ("main", *self.other_branches) if self.tip(one) == commit)
            content = (self._files(branch) or {}).get(name)
            return (200, {}, content) if content is not None else _error(404, "No such file or directory")
        return self._hooks(request, path.removeprefix("/hooks").lstrip("/"))

    def _commit(self, fields: list[tuple[str, str]]) -> Answer:
        form = dict(fields)
        if self.before_write:
            self.before_write.pop(0)()
        if "write" not in self.scopes:
            return _error(403, "Your credentials lack one or more required privilege scopes.")
        # https://jira.atlassian.com/browse/BCLOUD-8672: without parents only the first commit of all is right for us
        files = self._files("main" if self.is_empty else form["branch"])
        parent = None if self.is_empty else self.tip(form["branch"])
        if files is None or form.get("parents") != parent:
            return _error(409, "Parent is not the branch's tip.")
        self.is_empty = False
        self.commits.append(form["message"])
        for name, value in fields:
            if name.startswith("/"):
                files[name.lstrip("/")] = value.encode()
            elif name == "files":
                files.pop(value.lstrip("/"), None)
        return 201, {}, b""

    def _branch(self, request: Received, name: str) -> Answer:
        # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/
        if request.method == "POST":
            payload = json.loads(request.body)
            assert payload["target"]["hash"] == self.tip()
            self.other_branches[payload["name"]] = dict(self.files)
            return json_answer(201, payload)
        if self.is_empty or self._files(name) is None:
            return _error(404, "No such branch")
        if request.method == "DELETE":
            del self.other_branches[name]
            return 204, {}, b""
        return json_answer(200, {"name": name, "target": {"hash": self.tip(name)}})

    def _pull_requests(self, request: Received) -> Answer:
        # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
        if request.method == "GET":
            wanted = parse_qs(urlsplit(request.path).query)["q"][0]
            named = [(f'source.branch.name="{one["source"]["branch"]["name"]}"', one) for one in self.pull_requests]
            return json_answer(200, {"values": [one for name, one in named if name == wanted]})
        if "pullrequest:write" not in self.scopes:
            return _error(403, "Your credentials lack one or more required privilege scopes.")
        self.pull_requests.append(json.loads(request.body))
        return json_answer(201, self.pull_requests[-1])

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

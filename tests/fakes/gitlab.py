"""A GitLab with the project `my-group/asset-repo`, its files and hooks. It refuses what GitLab refuses."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "glpat-0123456789abcdef"
TIP = "7b5c3cc8be40ee161ae89a06bba6229da1032a0c"  # the latest commit of `main`
PROJECT = "/api/v4/projects/my-group%2Fasset-repo"


class FakeGitLab(FakeServer):
    """`files` maps a path to its content on `main`; `commits` holds the messages; `scopes` are the token's.

    `is_empty`: there is no commit yet, so no branch. `path` is another one after a move of the project.
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.hooks: dict[int, dict[str, Any]] = {}
        self.scopes = ["api"]
        self.can_push = True
        self.is_empty = False
        self.other_branches: dict[str, dict[str, bytes]] = {}
        self.merge_requests: list[dict[str, Any]] = []  # those that are open
        self.path = "my-group/asset-repo"
        self.before_write: list[Any] = []  # called one by one, e.g. to commit something else between two requests

    def _handle(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_answer(401, {"message": "401 Unauthorized"})
        parts = urlsplit(request.path)
        if parts.path == "/api/v4/personal_access_tokens/self":
            return json_answer(200, {"scopes": self.scopes})
        own = ("/api/v4/projects/" + quote(self.path, safe=""), "/api/v4/projects/7")
        place = next((place for place in own if parts.path.startswith(place)), None)
        if place is None and parts.path.startswith(PROJECT):
            # find_project! in https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/api/helpers.rb
            if request.method != "GET":
                return json_answer(405, {"message": "Non GET methods are not allowed for moved projects"})
            address = f"{self.url}/api/v4/projects/7{parts.path.removeprefix(PROJECT)}"
            said = f"This resource has been moved permanently to {address}"
            return json_answer(301, {"message": said}, {"Location": address})
        if place is None:
            return json_answer(404, {"message": "404 Project Not Found"})
        path = parts.path.removeprefix(place)
        payload = json.loads(request.body) if request.body else {}
        if not path:
            default = None if self.is_empty else "main"
            facts = {"id": 7, "path_with_namespace": self.path, "web_url": self.url, "default_branch": default}
            return json_answer(200, {**facts, "empty_repo": self.is_empty})
        if path.startswith("/merge_requests"):
            return self._merge_requests(request.method, payload, parse_qs(parts.query))
        if path.startswith("/repository/branches") and request.method != "GET":
            return self._change_branch(request.method, unquote(path.removeprefix("/repository/branches/")), payload)
        if path.startswith("/repository/branches/"):
            name = unquote(path.removeprefix("/repository/branches/"))
            if self.is_empty or name not in ("main", *self.other_branches):
                return json_answer(404, {"message": "404 Branch Not Found"})
            commit = {"id": TIP if name == "main" else "0" * 40}
            return json_answer(200, {"name": name, "commit": commit, "can_push": self.can_push or name != "main"})
        if path.startswith("/repository/files/"):
            return self._file(unquote(path.removeprefix("/repository/files/")), parse_qs(parts.query)["ref"][0])
        if path == "/repository/commits":
            return self._commit(payload)
        return self._hooks(request.method, path.removeprefix("/hooks").lstrip("/"), payload, parse_qs(parts.query))

    def _file(self, path: str, branch: str) -> Answer:
        files = self.files if branch == "main" else self.other_branches.get(branch)
        if self.is_empty or files is None:
            return json_answer(404, {"message": "404 Commit Not Found"})
        if path not in files:
            return json_answer(404, {"message": "404 File Not Found"})
        content = files[path]
        encoded = base64.b64encode(content).decode()
        return json_answer(200, {"content": encoded, "last_commit_id": version(content)})

    def merge(self) -> None:
        """As if somebody merged the merge request that is open, which removes its branch."""
        self.files = self.other_branches.pop(self.merge_requests.pop()["source_branch"])

    def _change_branch(self, method: str, name: str, payload: dict[str, Any]) -> Answer:
        # https://docs.gitlab.com/api/branches/
        if method == "DELETE":
            gone = self.other_branches.pop(name, None)
            return (204, {}, b"") if gone is not None else json_answer(404, {"message": "404 Branch Not Found"})
        assert payload["ref"] == TIP, "a branch name or commit SHA"
        if payload["branch"] in self.other_branches:
            return json_answer(400, {"message": "Branch already exists"})
        self.other_branches[payload["branch"]] = dict(self.files)
        return json_answer(201, {"name": payload["branch"]})

    def _merge_requests(self, method: str, payload: dict[str, Any], query: dict[str, list[str]]) -> Answer:
        # https://docs.gitlab.com/api/merge_requests/
        if method == "GET":
            wanted = {"source_branch": query["source_branch"][0], "target_branch": query["target_branch"][0]}
            return json_answer(200, [one for one in self.merge_requests if one.items() >= wanted.items()])
        self.merge_requests.append(payload)
        return json_answer(201, {"iid": 1, **payload})

    def _commit(self, payload: dict[str, Any]) -> Answer:
        if self.before_write:
            self.before_write.pop(0)()
        is_main = payload["branch"] == "main" or self.is_empty
        files = self.files if is_main else self.other_branches.get(payload["branch"])
        if files is None:
            return json_answer(400, {"message": "You can only create or edit files when you are on a branch"})
        if not self.can_push and is_main:
            return json_answer(403, {"message": "403 Forbidden - You are not allowed to push into this branch"})
        self.is_empty = False
        for action in payload["actions"]:  # all of them, or none
            current = files.get(action["file_path"])
            if action["action"] == "create" and current is not None:
                return json_answer(400, {"message": "A file with this name already exists"})
            if action["action"] != "create" and current is None:
                return json_answer(400, {"message": "A file with this name doesn't exist"})
            if current is not None and action["last_commit_id"] != version(current):
                return json_answer(400, {"message": "The file has changed since you started editing it."})
        self.commits.append(payload["commit_message"])
        for action in payload["actions"]:
            if action["action"] == "delete":
                del files[action["file_path"]]
            else:
                files[action["file_path"]] = action["content"].encode()
        return json_answer(201, {"id": "6104942438c14ec7bd21c6cd5bd995272b3faff6"})

    def _hooks(self, method: str, number: str, payload: dict[str, Any], query: dict[str, list[str]]) -> Answer:
        if method == "GET":
            size, page = int(query.get("per_page", ["20"])[0]), int(query.get("page", ["1"])[0])
            hooks = [{**hook, "token": None} for hook in self.hooks.values()]
            # https://docs.gitlab.com/api/rest/#pagination-link-header, below the server's own name for itself
            address = "https://gitlab.example.com/api/v4/projects/7/hooks"
            link = f'<{address}?id=7&page=1&per_page={size}>; rel="first"'
            if page * size < len(hooks):
                link = f'<{address}?id=7&page={page + 1}&per_page={size}>; rel="next", {link}'
            return json_answer(200, hooks[(page - 1) * size : page * size], {"Link": link})
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

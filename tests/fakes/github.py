"""A GitHub with the repository `my-org/asset-repo`, its files and hooks. It refuses what GitHub refuses."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "ghp_0123456789abcdef"
REPOSITORY = "/repos/my-org/asset-repo"
# A renamed repository is reached by its id, as recorded by GitHub's own project:
# https://github.com/octokit/fixtures/blob/main/scenarios/api.github.com/rename-repository/normalized-fixture.json
BY_ID = "/repositories/1000"


class FakeGitHub(FakeServer):
    """`files` maps a path to its content on `branch`; `commits` holds the messages; `can_write`: may the token?

    `is_empty`: there is no commit yet, so no branch. `full_name` is another one after a rename, and `branch` too.
    `scopes` is the header X-OAuth-Scopes, if it is sent; `refusal` what a rule says to each write.
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.hooks: dict[int, dict[str, Any]] = {}
        self.can_write = True
        self.is_empty = False
        self.full_name = "my-org/asset-repo"
        self.branch = "main"
        self.old_branches: set[str] = set()
        self.scopes: str | None = None
        self.refusal: Answer | None = None
        self.other_branches: dict[str, dict[str, bytes]] = {}
        # The Git database: files by the id of their tree; message, tree and parents by the id of a commit.
        self.trees: dict[str, dict[str, bytes]] = {}
        self.database: dict[str, dict[str, Any]] = {}
        self.pulls: list[dict[str, Any]] = []  # those that are open
        self.hook_answers: list[Answer] = []  # errors for the next attempts to register a hook
        self.before_write: list[Any] = []  # called one by one, e.g. to commit something else between two requests
        self.after_branch: list[Any] = []  # the same, as soon as the branch was read

    def _handle(self, request: Received) -> Answer:
        if not request.headers.get("user-agent"):
            return _error(403, "Request forbidden by administrative rules.")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "Bad credentials")
        parts = urlsplit(request.path)
        place = next((place for place in (f"/repos/{self.full_name}", BY_ID) if parts.path.startswith(place)), None)
        if place is None and parts.path.startswith(REPOSITORY):
            return self._moved(request.method, parts.path.removeprefix(REPOSITORY))
        if place is None:
            return _error(404, "Not Found")
        path, query = unquote(parts.path.removeprefix(place)), parse_qs(parts.query)
        payload = json.loads(request.body) if request.body else {}
        if not path:
            facts = {"full_name": self.full_name, "private": True, "default_branch": self.branch}
            scopes = {} if self.scopes is None else {"X-OAuth-Scopes": self.scopes}
            return json_answer(200, {**facts, "permissions": {"push": True}}, scopes)
        if path.startswith("/branches/"):
            return self._branch(path.removeprefix("/branches/"))
        if path.startswith("/hooks"):
            return self._hooks(request.method, path.removeprefix("/hooks").lstrip("/"), payload, query)
        if path.startswith("/pulls"):
            return self._pulls(request.method, payload, query)
        if request.method != "GET" and not self.can_write:
            return _error(403, "Resource not accessible by personal access token")
        if path in ("/git/blobs", "/commits"):
            # https://github.com/github/rest-api-description/issues/385 and /637
            return (
                _error(409, "Git Repository is empty.") if self.is_empty else json_answer(201, {"sha": blob_sha(b"")})
            )
        if path in ("/git/trees", "/git/commits"):
            return self._object(path, payload)
        if path.startswith("/git/refs"):
            return self._ref(path.removeprefix("/git/refs/heads/"), payload)
        if path.startswith("/contents/"):
            ref = query.get("ref", [payload.get("branch")])[0]
            return self._contents(request.method, path.removeprefix("/contents/"), ref, payload)
        return _error(404, "Not Found")

    def _moved(self, method: str, path: str) -> Answer:
        body = {"message": "Moved Permanently", "url": self.url + BY_ID + path}
        return json_answer(301 if method == "GET" else 307, body, {"Location": body["url"]})

    def _branch(self, name: str) -> Answer:
        if self.is_empty or name not in (self.branch, *self.old_branches, *self.other_branches):
            return _error(404, "Branch not found")
        # https://docs.github.com/en/rest/branches/branches#get-a-branch: 301, Moved permanently
        if name in self.old_branches:
            return self._moved("GET", f"/branches/{self.branch}")
        files = self.files if name == self.branch else self.other_branches[name]
        tree = f"tree-{_tip(files)}"
        self.trees[tree] = dict(files)
        answer = json_answer(200, {"name": name, "commit": {"sha": _tip(files), "commit": {"tree": {"sha": tree}}}})
        if self.after_branch:
            self.after_branch.pop(0)()
        return answer

    def _object(self, path: str, payload: dict[str, Any]) -> Answer:
        if path == "/git/commits":  # https://docs.github.com/en/rest/git/commits#create-a-commit
            sha = f"commit-{len(self.database)}"
            self.database[sha] = payload
            return json_answer(201, {"sha": sha})
        # https://docs.github.com/en/rest/git/trees#create-a-tree
        files = dict(self.trees[payload["base_tree"]])
        for entry in payload["tree"]:
            assert (entry["mode"], entry["type"]) == ("100644", "blob")
            if "content" in entry:
                files[entry["path"]] = entry["content"].encode()
            elif files.pop(entry["path"], None) is None:  # "an error if you try to delete a file that does not exist"
                return _error(422, "GitRPC::BadObjectState")
        sha = f"tree-{_tip(files)}"
        self.trees[sha] = files
        return json_answer(201, {"sha": sha})

    def merge(self) -> None:
        """As if somebody merged the pull request that is open and kept its branch."""
        self.files = dict(self.other_branches[self.pulls.pop()["head"]["ref"]])

    def _ref(self, name: str, payload: dict[str, Any]) -> Answer:
        # https://docs.github.com/en/rest/git/refs#create-a-reference
        if payload["sha"] in self.database:
            return self._fast_forward(name, payload)
        assert payload["sha"] == _tip(self.files), "the tip of the branch"
        created = payload.get("ref", "").removeprefix("refs/heads/")
        if created in self.other_branches:
            return _error(422, "Reference already exists")
        if not created:
            assert payload["force"] is True
        self.other_branches[created or name] = dict(self.files)
        return json_answer(201 if created else 200, {"ref": f"refs/heads/{created or name}"})

    def _fast_forward(self, name: str, payload: dict[str, Any]) -> Answer:
        if self.before_write:
            self.before_write.pop(0)()
        if self.refusal:
            return self.refusal
        files = self.files if name == self.branch else self.other_branches.get(name)
        if files is None:
            return _error(422, "Reference does not exist")
        commit = self.database[payload["sha"]]
        if commit["parents"] != [_tip(files)]:
            # https://github.com/webspace-sdk/webspace-engine/issues/104
            return _error(422, "Update is not a fast forward")
        files.clear()
        files.update(self.trees[commit["tree"]])
        self.commits.append(commit["message"])
        return json_answer(200, {"ref": f"refs/heads/{name}", "object": {"sha": _tip(files)}})

    def _pulls(self, method: str, payload: dict[str, Any], query: dict[str, list[str]]) -> Answer:
        # https://docs.github.com/en/rest/pulls/pulls
        if method == "GET":
            head = query["head"][0].removeprefix("my-org:")
            return json_answer(200, [pull for pull in self.pulls if pull["head"]["ref"] == head][:1])
        if not self.can_write:
            return _error(403, "Resource not accessible by personal access token")
        if payload["head"] == payload["base"] or self.other_branches[payload["head"]] == self.files:
            errors = [{"resource": "PullRequest", "code": "custom", "message": "No commits between main and main"}]
            return json_answer(422, {"message": "Validation Failed", "errors": errors})
        branches = {"head": {"ref": payload["head"]}, "base": {"ref": payload["base"]}}
        self.pulls.append({"title": payload["title"], "body": payload["body"], **branches})
        return json_answer(201, self.pulls[-1])

    def _contents(self, method: str, path: str, branch: str | None, payload: dict[str, Any]) -> Answer:
        if self.is_empty:
            if method != "PUT":
                return _error(404, "This repository is empty.")
            self.is_empty = False
        files = self.files if branch == self.branch else self.other_branches.get(branch or "")
        if files is None:
            return _error(
                404, f"No commit found for the ref {branch}" if method == "GET" else f"Branch {branch} not found"
            )
        if method != "GET" and self.before_write:
            self.before_write.pop(0)()
        if method != "GET" and self.refusal:
            return self.refusal
        current = files.get(path)
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
            del files[path]
            return json_answer(200, {"content": None})
        files[path] = base64.b64decode(payload["content"], validate=True)
        return json_answer(201 if current is None else 200, {"content": {"path": path}})

    def _hooks(self, method: str, number: str, payload: dict[str, Any], query: dict[str, list[str]]) -> Answer:
        if method == "GET":
            size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
            hooks = list(self.hooks.values())
            following = f"{self.url}{BY_ID}/hooks?per_page={size}&page={page + 1}"
            link = f'<{following}>; rel="next", <{self.url}{BY_ID}/hooks?page=9>; rel="last"'
            shown = hooks[(page - 1) * size : page * size]
            return json_answer(200, shown, {"Link": link} if page * size < len(hooks) else {})
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


def _tip(files: dict[str, bytes]) -> str:
    return blob_sha(str(sorted(files.items())).encode())


def _error(status: int, message: str) -> Answer:
    return json_answer(status, {"message": message, "documentation_url": "https://docs.github.com/rest"})

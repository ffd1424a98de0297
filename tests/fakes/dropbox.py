"""A Dropbox of one account: files by path, each with a revision.

Its errors are unions as in files.stone, auth.stone and common.stone of https://github.com/dropbox/dropbox-api-spec.
"""

import hashlib
import json
from typing import Any

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "sl.access-token-0001"
ACCOUNT_ID = "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"
HOME = "3235641"


class FakeDropbox(FakeServer):
    """`files` maps a path to its content; `folders` are the existing ones; `scopes` are the token's.

    Paths are those of the namespace `root`. If that is not HOME, the account is in a team with a space, and its own
    folder is at `/Alice`. `refuses` is answered to every write, as tags: `("path", "access_restricted")`.
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, bytes] = {}
        self.folders: dict[str, dict[str, Any]] = {"/Invenicum": {}}
        self.scopes = {"account_info.read", "files.metadata.read", "files.content.read", "files.content.write"}
        self.root = HOME
        self.refuses: tuple[str, ...] = ()
        self.before_write: list[Any] = []  # called one by one, e.g. to write something else between two requests

    def _handle(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return error_answer(401, "invalid_access_token")
        method = request.path.removeprefix("/2/")
        if method == "users/get_current_account":
            account = {"account_id": ACCOUNT_ID, "email": "alice@example.com", "root_info": self._root_info()}
            return json_answer(200, account) if request.body == b"null" else text_answer(400, "no null")
        # https://www.dropbox.com/developers/reference/path-root-header-modes
        header = json.loads(request.headers.get("dropbox-api-path-root", '{".tag": "home"}'))
        if header[".tag"] == "root" and header["root"] != self.root:
            return error_answer(422, "invalid_root", **self._root_info())
        above = "/Alice" if header[".tag"] == "home" and self.root != HOME else ""
        if method in ("files/get_metadata", "files/delete_v2"):
            return self._call(method, above + json.loads(request.body)["path"])
        if request.headers.get("content-type") != "application/octet-stream":
            return text_answer(400, "Bad HTTP Content-Type header")
        needed = "files.content.read" if method == "files/download" else "files.content.write"
        if needed not in self.scopes:
            return error_answer(401, "missing_scope", required_scope=needed)
        arguments = json.loads(request.headers["dropbox-api-arg"])
        if method == "files/upload_session/start":
            return json_answer(200, {"session_id": "1234"})
        if method == "files/download":
            return self._download(above + arguments["path"])
        return self._upload(above + arguments["path"], arguments["mode"], request.body)

    def _root_info(self) -> dict[str, str]:
        """As for accounts whose team has a space since 2023: https://github.com/dropbox/dropbox-sdk-python/issues/486"""
        own = {".tag": "user", "root_namespace_id": self.root, "home_namespace_id": HOME}
        return own if self.root == HOME else {**own, "home_path": "/Alice"}

    def _call(self, method: str, path: str) -> Answer:
        if method == "files/get_metadata":
            if path in self.folders:
                return json_answer(200, {".tag": "folder", "name": path, **self.folders[path]})
            return error_answer(409, "path", "not_found")
        if path not in self.files:
            return error_answer(409, "path_lookup", "not_found")
        del self.files[path]
        return json_answer(200, {"metadata": {}})

    def _download(self, path: str) -> Answer:
        if path not in self.files:
            return error_answer(409, "path", "not_found")
        result = json.dumps({"name": path, "rev": revision(self.files[path])})
        return 200, {"Dropbox-API-Result": result}, self.files[path]

    def _upload(self, path: str, mode: Any, content: bytes) -> Answer:
        if self.refuses:
            return error_answer(409, *self.refuses)
        if self.before_write:
            self.before_write.pop(0)()
        current = self.files.get(path)
        stale = isinstance(mode, dict) and (current is None or mode["update"] != revision(current))
        if stale or (mode == "add" and current is not None):
            return error_answer(409, "path", "conflict", "file")
        self.files[path] = content
        return json_answer(200, {"rev": revision(content)})


def revision(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()[:16]


def text_answer(status: int, text: str) -> Answer:
    return status, {"Content-Type": "text/plain"}, text.encode()


def error_answer(status: int, *tags: str, **fields: Any) -> Answer:
    return json_answer(status, error_of(*tags, **fields))


def error_of(*tags: str, **fields: Any) -> dict[str, Any]:
    """The body of an error: unions within each other, the innermost with `fields`.

    `UploadWriteFailed` has the inner union of `path` under `reason`.
    """
    error: dict[str, Any] = {".tag": tags[-1], **fields}
    if tags[-1] == "invalid_root":
        error = {".tag": "invalid_root", "invalid_root": fields}
    for tag in reversed(tags[:-1]):
        error = {".tag": tag, "reason" if tag == "path" and tags[1] != "not_found" else tag: error}
    return {"error_summary": "/".join(tags) + "/..", "error": error}

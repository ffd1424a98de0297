"""A Dropbox of one account: files by path, each with a revision."""

import hashlib
import json
from typing import Any

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "sl.access-token-0001"
ACCOUNT_ID = "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"


class FakeDropbox(FakeServer):
    """`files` maps a path to its content; `folders` are the existing ones; `scopes` are the token's."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, bytes] = {}
        self.folders = {"/Invenicum"}
        self.scopes = {"account_info.read", "files.metadata.read", "files.content.read", "files.content.write"}
        self.before_write: list[Any] = []  # called one by one, e.g. to write something else between two requests

    def _handle(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "invalid_access_token/", {".tag": "invalid_access_token"})
        method = request.path.removeprefix("/2/")
        if method == "users/get_current_account":
            return (
                json_answer(200, {"account_id": ACCOUNT_ID, "email": "alice@example.com"})
                if request.body == b"null"
                else _text(400, "no null")
            )
        if method in ("files/get_metadata", "files/delete_v2"):
            return self._call(method, json.loads(request.body)["path"])
        if request.headers.get("content-type") != "application/octet-stream":
            return _text(400, "Bad HTTP Content-Type header")
        needed = "files.content.read" if method == "files/download" else "files.content.write"
        if needed not in self.scopes:
            return _error(401, "missing_scope/.", {".tag": "missing_scope", "required_scope": needed})
        arguments = json.loads(request.headers["dropbox-api-arg"])
        if method == "files/upload_session/start":
            return json_answer(200, {"session_id": "1234"})
        if method == "files/download":
            return self._download(arguments["path"])
        return self._upload(arguments["path"], arguments["mode"], request.body)

    def _call(self, method: str, path: str) -> Answer:
        if method == "files/get_metadata":
            if path in self.folders:
                return json_answer(200, {".tag": "folder", "name": path})
            return _error(409, "path/not_found/..", {".tag": "path"})
        if path not in self.files:
            return _error(409, "path_lookup/not_found/.", {".tag": "path_lookup"})
        del self.files[path]
        return json_answer(200, {"metadata": {}})

    def _download(self, path: str) -> Answer:
        if path not in self.files:
            return _error(409, "path/not_found/", {".tag": "path"})
        result = json.dumps({"name": path, "rev": revision(self.files[path])})
        return 200, {"Dropbox-API-Result": result}, self.files[path]

    def _upload(self, path: str, mode: Any, content: bytes) -> Answer:
        if self.before_write:
            self.before_write.pop(0)()
        current = self.files.get(path)
        stale = isinstance(mode, dict) and (current is None or mode["update"] != revision(current))
        if stale or (mode == "add" and current is not None):
            return _error(409, "path/conflict/file/..", {".tag": "path"})
        self.files[path] = content
        return json_answer(200, {"rev": revision(content)})


def revision(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()[:16]


def _text(status: int, text: str) -> Answer:
    return status, {"Content-Type": "text/plain"}, text.encode()


def _error(status: int, summary: str, error: Any) -> Answer:
    return json_answer(status, {"error_summary": summary, "error": error})

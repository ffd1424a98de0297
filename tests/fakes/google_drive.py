"""A Google Drive of one account: files with a parent, a name and properties, and Drive's search queries for them."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "ya29.access-token"
FOLDER = "application/vnd.google-apps.folder"


class FakeGoogleDrive(FakeServer):
    """`files` maps an id to its metadata, with its bytes under `content`; `channels` are the open channels."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, dict[str, Any]] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.refuse: Answer | None = None

    def path_of(self, file_id: str) -> str:
        """The path of a file: its name after those of its folders."""
        file = self.files.get(file_id)
        return f"{self.path_of(file['parents'][0])}/{file['name']}" if file else file_id

    def _handle(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "authError", "Invalid Credentials")
        if self.refuse:
            return self.refuse
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/upload/drive/v3/files"):
            return self._upload(request, parts.path.removeprefix("/upload/drive/v3/files").lstrip("/"))
        path = parts.path.removeprefix("/drive/v3/")
        payload = json.loads(request.body) if request.body else {}
        if path == "about":
            return json_answer(200, {"user": {"displayName": "Alice", "emailAddress": "alice@example.com"}})
        if path == "changes/startPageToken":
            return json_answer(200, {"startPageToken": "77"})
        if path == "changes/watch":
            self.channels[payload["id"]] = payload
            return json_answer(200, {"id": payload["id"], "resourceId": "resource-1"})
        if path == "channels/stop":
            known = self.channels.pop(payload["id"], None)
            return (204, {}, b"") if known else _error(404, "notFound", "Channel not found")
        if path == "files":
            return self._search(query["q"]) if request.method == "GET" else self._store(payload, b"")
        return self._file(request.method, path.removeprefix("files/"), query, payload)

    def _file(self, method: str, file_id: str, query: dict[str, str], payload: dict[str, Any]) -> Answer:
        if file_id not in self.files:
            return _error(404, "notFound", f"File not found: {file_id}.")
        file = self.files[file_id]
        if method == "PATCH":
            file.update(payload)
        if query.get("alt") == "media":
            return 200, {}, file["content"]
        return json_answer(200, {name: value for name, value in file.items() if name != "content"})

    def _search(self, text: str) -> Answer:
        mark = re.search(r"key='invenicum' and value='([0-9a-f]{64})'", text)
        name, parent = re.search(r"name = '(.*?)' and", text), re.search(r"'([^']+)' in parents", text)
        assert text.endswith("and trashed = false")
        found = [
            {"id": file_id}
            for file_id, file in self.files.items()
            if not file.get("trashed")
            and (mark is None or file.get("appProperties", {}).get("invenicum") == mark[1])
            and (name is None or file["name"] == name[1])
            and (parent is None or file["parents"] == [parent[1]])
        ]
        return json_answer(200, {"files": found})

    def _upload(self, request: Received, file_id: str) -> Answer:
        kind, _, boundary = request.headers["content-type"].partition("; boundary=")
        if kind != "multipart/related":
            return _error(400, "badContent", "Unsupported content")
        _, metadata, content, _ = request.body.split(f"--{boundary}".encode())
        payload = json.loads(metadata.split(b"\r\n\r\n", 1)[1])
        content = content.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        if not file_id:
            return self._store(payload, content)
        self.files[file_id].update(payload, content=content)
        return json_answer(200, {"id": file_id})

    def _store(self, metadata: dict[str, Any], content: bytes) -> Answer:
        file_id = f"file-{len(self.files) + 1:09}"
        self.files[file_id] = {**metadata, "content": content}
        return json_answer(200, {"id": file_id})


def _error(status: int, reason: str, message: str) -> Answer:
    return json_answer(status, {"error": {"code": status, "message": message, "errors": [{"reason": reason}]}})

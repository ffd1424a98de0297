"""A Google Drive as one account sees it through one app: files with a parent, a name and properties.

Its odd sides, as Google documents them or people have measured them:

- the search does not find what was made a moment ago, while reading by id does: https://github.com/kopia/kopia/issues/90
- a page of the search may be empty although others follow, as its list "may be incomplete":
  https://developers.google.com/workspace/drive/api/reference/rest/v3/files/list
- an id from `generateIds` makes one file, and a second attempt is answered with 409:
  https://developers.google.com/workspace/drive/api/guides/create-file
- without `supportsAllDrives` what is in a shared drive does not exist:
  https://developers.google.com/workspace/drive/api/guides/enable-shareddrives
- with the scope `drive.file` only what the app itself has made exists:
  https://developers.google.com/workspace/drive/api/guides/api-specific-auth
- what is in a folder in the bin is in the bin too, and can still be written:
  https://developers.google.com/workspace/drive/api/guides/delete
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "ya29.access-token"
FOLDER = "application/vnd.google-apps.folder"


class FakeGoogleDrive(FakeServer):
    """`files` maps an id to its metadata, with its bytes under `content`; `channels` are the open channels.

    `search_lags`: the search finds nothing that is made from now on. `has_full_scope`: the token has the scope `drive`.
    `empty_pages` is how many of the search come before what it finds.
    `before_answer` is called with each request and may return another answer to it: its effect has taken place.
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.files: dict[str, dict[str, Any]] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.watches: list[dict[str, str]] = []
        self.generated: set[str] = set()
        self.search_lags = False
        self.has_full_scope = False
        self.empty_pages = 0
        self.before_answer: list[Any] = []

    def add(self, file_id: str, name: str, parent: str = "root", *, kind: str = FOLDER, **more: Any) -> None:
        """Something that people made, not the app."""
        self.files[file_id] = {"name": name, "mimeType": kind, "parents": [parent], "foreign": True, **more}

    def path_of(self, file_id: str) -> str:
        """The path of a file: its name after those of its folders."""
        file = self.files.get(file_id)
        return f"{self.path_of(file['parents'][0])}/{file['name']}" if file else file_id

    def documents(self, *, trashed: bool = False) -> list[str]:
        """The ids of all files that are no folders, those in the bin or the others."""
        kinds = {file_id for file_id, file in self.files.items() if file["mimeType"] != FOLDER}
        return [file_id for file_id in self.files if file_id in kinds and self.is_trashed(file_id) is trashed]

    def is_trashed(self, file_id: str) -> bool:
        file = self.files.get(file_id)
        return file is not None and (bool(file.get("trashed")) or self.is_trashed(file["parents"][0]))

    def _handle(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "authError", "Invalid Credentials")
        answer = self._answer_to(request)
        if self.before_answer:
            instead: Answer | None = self.before_answer.pop(0)(request)
            return instead or answer
        return answer

    def _answer_to(self, request: Received) -> Answer:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/upload/drive/v3/files"):
            return self._upload(request, parts.path.removeprefix("/upload/drive/v3/files").lstrip("/"), query)
        path = parts.path.removeprefix("/drive/v3/")
        payload = json.loads(request.body) if request.body else {}
        if path == "about":
            return json_answer(200, {"user": {"displayName": "Alice", "emailAddress": "alice@example.com"}})
        if path == "files/generateIds":
            made = f"generated-{len(self.generated):09}"
            self.generated.add(made)
            return json_answer(200, {"kind": "drive#generatedIds", "space": "drive", "ids": [made]})
        if path.startswith("chan"):
            return self._channels(path, query, payload)
        if path == "files":
            return self._search(query) if request.method == "GET" else self._store(payload, b"", query)
        return self._file(request.method, path.removeprefix("files/"), query, payload)

    def _channels(self, path: str, query: dict[str, str], payload: dict[str, Any]) -> Answer:
        if path == "changes/startPageToken":
            return json_answer(200, {"startPageToken": "77"})
        if path == "changes/watch":
            self.watches.append(query)
            self.channels[payload["id"]] = payload
            return json_answer(200, {"id": payload["id"], "resourceId": "resource-1"})
        known = self.channels.pop(payload["id"], None)
        return (204, {}, b"") if known else _error(404, "notFound", "Channel not found")

    def _is_visible(self, file_id: str, query: dict[str, str]) -> bool:
        file = self.files.get(file_id)
        if file is None or (file.get("foreign") and not self.has_full_scope):
            return False
        return query.get("supportsAllDrives") == "true" or not self._is_shared(file_id)

    def _is_shared(self, file_id: str) -> bool:
        file = self.files.get(file_id)
        return file is not None and ("driveId" in file or self._is_shared(file["parents"][0]))

    def _file(self, method: str, file_id: str, query: dict[str, str], payload: dict[str, Any]) -> Answer:
        if not self._is_visible(file_id, query):
            return _not_found(file_id)
        file = self.files[file_id]
        if method == "PATCH":
            file.update(payload)
        if query.get("alt") == "media":
            return 200, {}, file["content"]
        shown = {name: value for name, value in file.items() if name not in ("content", "foreign")}
        return json_answer(200, {**shown, "trashed": self.is_trashed(file_id)})

    def _search(self, query: dict[str, str]) -> Answer:
        text = query["q"]
        mark = re.search(r"key='invenicum' and value='([0-9a-f]{64})'", text)
        name, parent = re.search(r"name = '(.*?)' and", text), re.search(r"'([^']+)' in parents", text)
        assert mark, text
        assert text.endswith(") and trashed = false"), text
        if parent and parent[1] != "root" and not self._is_visible(parent[1], query):
            return _not_found(".")
        found = [
            {"id": file_id}
            for file_id, file in self.files.items()
            if self._is_visible(file_id, query)
            and not file.get("lags")
            and not self.is_trashed(file_id)
            and (FOLDER not in text or file["mimeType"] == FOLDER)
            and (
                file.get("appProperties", {}).get("invenicum") == mark[1]
                or bool(name and parent and file["name"] == name[1] and file["parents"] == [parent[1]])
            )
        ]
        page = int(query.get("pageToken", "0"))
        if page < self.empty_pages:
            return json_answer(200, {"files": [], "nextPageToken": str(page + 1)})
        return json_answer(200, {"files": found})

    def _upload(self, request: Received, file_id: str, query: dict[str, str]) -> Answer:
        kind, _, boundary = request.headers["content-type"].partition("; boundary=")
        if kind != "multipart/related":
            return _error(400, "badContent", "Unsupported content")
        _, metadata, content, _ = request.body.split(f"--{boundary}".encode())
        payload = json.loads(metadata.split(b"\r\n\r\n", 1)[1])
        content = content.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        if not file_id:
            return self._store(payload, content, query)
        if not self._is_visible(file_id, query):
            return _not_found(file_id)
        self.files[file_id].update(payload, content=content)
        return json_answer(200, {"id": file_id, "trashed": self.is_trashed(file_id)})

    def _store(self, metadata: dict[str, Any], content: bytes, query: dict[str, str]) -> Answer:
        file_id = metadata.get("id") or f"file-{len(self.files) + 1:09}"
        parent = metadata["parents"][0]
        if file_id in self.files:
            return _error(409, "fileIdInUse", "A file already exists with the provided ID.")
        if "id" in metadata and file_id not in self.generated:
            return _error(400, "invalid", "The provided file ID is not usable.")
        if parent != "root" and not self._is_visible(parent, query):
            return _not_found(parent)
        self.files[file_id] = {**metadata, "content": content, "lags": self.search_lags}
        return json_answer(200, {"id": file_id, "trashed": self.is_trashed(file_id)})


def _not_found(file_id: str) -> Answer:
    return _error(404, "notFound", f"File not found: {file_id}.")


def _error(status: int, reason: str, message: str) -> Answer:
    return json_answer(status, {"error": {"code": status, "message": message, "errors": [{"reason": reason}]}})

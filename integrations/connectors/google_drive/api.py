"""Google Drive's API as flows: https://developers.google.com/workspace/drive/api/reference/rest/v3"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from ...core.answers import field_of, objects_at
from ...core.errors import ConnectionFailed
from ...core.http import Flow, Request, Response
from ...families.google import google_error
from .documents import multipart_related

NAME = "Google Drive"
# Without it, files in shared drives do not exist for the API:
# https://developers.google.com/workspace/drive/api/guides/enable-shareddrives
ALL_DRIVES = {"supportsAllDrives": "true"}
# A page may be empty although others follow:
# https://developers.google.com/workspace/drive/api/reference/rest/v3/files/list
MAX_SEARCH_PAGES = 10


@dataclass(frozen=True, slots=True)
class DriveApi:
    """Drive at `base`, an address without a trailing slash, with the access token of one account.

    Every flow raises what `google_error` makes of a refusal, unless it says otherwise.
    """

    base: str
    token: str

    def send(self, method: str, path: str, payload: Any = None, **query: str) -> Flow[Response]:
        response = yield self.request(method, path, payload, **query)
        if not response.ok:
            raise google_error(response, NAME)
        return response

    def request(self, method: str, path: str, payload: Any = None, **query: str) -> Request:
        """A request for `path`, e.g. `files/1AbC`, with `payload` as JSON unless it is None."""
        url = f"{self.base}/drive/v3/{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        if payload is None:
            return Request(method, url, self._headers())
        return Request.json(method, url, payload, self._headers())

    def upload(self, method: str, metadata: dict[str, Any], content: bytes, file_id: str = "") -> Request:
        """Writes a file: POST for a new one, PATCH for the one with `file_id`. Answered with `id` and `trashed`."""
        content_type, body = multipart_related(metadata, content)
        path = f"/{quote(file_id, safe='')}" if file_id else ""
        query = urlencode({"uploadType": "multipart", "fields": "id,trashed", **ALL_DRIVES}, safe=",")
        url = f"{self.base}/upload/drive/v3/files{path}?{query}"
        return Request(method, url, self._headers() | {"Content-Type": content_type}, body)

    def find(self, query: str, *, everywhere: bool) -> Flow[str | None]:
        """The id of the oldest file that a query finds, in the bin excepted. None if the search finds none, which it
        does for some time after a file was made: https://github.com/kopia/kopia/issues/90

        `everywhere` searches the shared drives too that the account has not opened yet.
        """
        token: dict[str, str] = {}
        for _ in range(MAX_SEARCH_PAGES):
            found = yield self.request(
                "GET",
                "files",
                None,
                q=f"({query}) and trashed = false",
                fields="files(id),nextPageToken",
                orderBy="createdTime",
                pageSize="1",
                includeItemsFromAllDrives="true",
                corpora="allDrives" if everywhere else "user",
                **ALL_DRIVES,
                **token,
            )
            if found.status == 404:  # a folder in the query does not exist
                return None
            if not found.ok:
                raise google_error(found, NAME)
            found.json_object()
            ids = [str(file["id"]) for file in objects_at(found, "files") if file.get("id")]
            following = field_of(found, "nextPageToken")
            if ids or not isinstance(following, str) or not following:
                return next(iter(ids), None)
            token = {"pageToken": following}
        return None

    def new_id(self) -> Flow[str]:
        """An id for a file or folder that is still to be made. A second file is never made with it: that is refused
        with 409. https://developers.google.com/workspace/drive/api/guides/create-file
        """
        made = yield from self.send("GET", "files/generateIds", count="1", space="drive")
        ids = field_of(made, "ids")
        if not isinstance(ids, list) or not ids or not isinstance(ids[0], str) or not ids[0]:
            raise ConnectionFailed("The answer of Google Drive has no id for a new file.")
        return ids[0]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

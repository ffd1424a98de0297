import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode
from uuid import uuid4

from pydantic import Field

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.answers import field_of, objects_at, text_at
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, InvalidConfig
from ...core.fields import HookSecret, HttpsUrl, PathPrefix
from ...core.http import Flow, Request, Response
from ...core.markers import AssetEvents, SentTo
from ...core.oauth import OAuthSpec
from ...core.signing import generate_secret
from ...families.documents import ABSENT, DocumentConfig, DocumentConnector, Stored
from ...families.google import google_error
from .documents import document_mark, multipart_related
from .fields import FolderId
from .inbound import GoogleDriveInbound

FOLDER_TYPE = "application/vnd.google-apps.folder"
DEFAULT_FOLDER = "Invenicum"
CHANNEL_SECONDS = 604_800  # a week, the longest that Drive keeps a channel open
CHANNEL_RENEWAL_SECONDS = 86_400  # before it ends, the next one is opened


class GoogleDrive(DocumentConnector):
    type = "google_drive"
    name = "Google Drive"
    category = Category.STORAGE
    description = "Keeps one JSON document an asset in a folder of Google Drive."
    setup: ClassVar[str] = """\
1. Connect your Google account. Invenicum asks for access only to files that it creates.
2. Leave `folderId` empty: the documents go to a folder *Invenicum* in My Drive, which you may move and share. Another
   folder works only if Invenicum created it.
"""
    oauth = OAuthSpec(
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        scopes=("openid", "email", "https://www.googleapis.com/auth/drive.file"),
        identity_url="https://openidconnect.googleapis.com/v1/userinfo",
        identity_field="email",
        revoke_url="https://oauth2.googleapis.com/revoke",
        revokes_account=True,
        issuer="https://accounts.google.com",
        needed_scopes=("https://www.googleapis.com/auth/drive.file",),
        # Google issues a refresh token only for `offline` access, and only on the consent screen.
        extra_params={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
        required=True,
    )
    reads_first = True
    concurrency = 1  # names are not unique: two deliveries at once would create the file twice

    class Config(DocumentConfig):
        folder_id: FolderId | None = None
        path_prefix: PathPrefix = ""
        webhook_url: Annotated[HttpsUrl | None, Field(examples=["https://api.invenicum.com/webhooks/google_drive"])] = (
            None
        )
        webhook_secret: Annotated[HookSecret | None, SentTo("webhook_url", only_with="webhook_url")] = None
        events: AssetEvents = list(ASSET_EVENTS)

    def generated_secrets(self, config: Config) -> dict[str, str]:
        return {"webhookSecret": generate_secret()} if config.webhook_url and not config.webhook_secret else {}

    def test(self, config: Config) -> Flow[TestResult]:
        about = yield from self._send("GET", "/drive/v3/about?fields=user(displayName,emailAddress)", config)
        account = field_of(about, "user", "emailAddress")
        metadata: dict[str, Any] = {"account": account, "folder": DEFAULT_FOLDER}
        if config.folder_id:
            metadata["folder"] = yield from self._check_folder(config.folder_id, config)
        return TestResult(f"Successfully connected to Google Drive of {account}", metadata)

    def _check_folder(self, folder_id: str, config: Config) -> Flow[str]:
        query = "fields=name,mimeType,trashed,capabilities(canAddChildren)&supportsAllDrives=true"
        response = yield self._request("GET", f"/drive/v3/files/{folder_id}?{query}", config)
        if response.status == 404:
            details = {"folderId": ["is not visible to Invenicum"]}
            raise InvalidConfig("Invenicum sees only folders that it made: leave folderId empty.", details)
        if not response.ok:
            raise google_error(response, self.name)
        if field_of(response, "mimeType") != FOLDER_TYPE or field_of(response, "trashed"):
            raise InvalidConfig("This is not a folder, or it is in the bin.", {"folderId": ["must be a folder"]})
        if field_of(response, "capabilities", "canAddChildren") is False:
            raise AuthFailed("You may not add files to this folder.")
        return text_at(response, "name")

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # By a property that we set, because people may move and rename the file.
        # https://developers.google.com/workspace/drive/api/guides/search-files
        mark = document_mark(path, config.folder_id)
        found = yield from self._find(f"appProperties has {{ key='invenicum' and value='{mark}' }}", config)
        if found is None:
            return ABSENT
        response = yield from self._send("GET", f"/drive/v3/files/{found}?alt=media&supportsAllDrives=true", config)
        return Stored(response.body, found)

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        *folders, name = path.split("/")
        mark = document_mark(path, config.folder_id)
        metadata: dict[str, Any] = {"appProperties": {"invenicum": mark}, "mimeType": "application/json"}
        target = f"/{found.version}" if found and found.version else ""
        if not target:
            parent = yield from self._folder(folders, config)
            metadata |= {"name": name, "parents": [parent]}
        content_type, body = multipart_related(metadata, content)
        url = f"{self._base()}/upload/drive/v3/files{target}?uploadType=multipart&supportsAllDrives=true&fields=id"
        headers = self._headers(config) | {"Content-Type": content_type}
        response = yield Request("PATCH" if target else "POST", url, headers, body)
        if not response.ok:
            raise google_error(response, self.name)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        # Moved to the bin, because in shared drives only managers may delete.
        assert found is not None
        url = f"/drive/v3/files/{found.version}?supportsAllDrives=true"
        response = yield self._request("PATCH", url, config, {"trashed": True})
        if not response.ok and response.status != 404:
            raise google_error(response, self.name)

    def _folder(self, names: list[str], config: Config) -> Flow[str]:
        """The id of the folder at the path `names`; folders that do not exist are created."""
        parent = config.folder_id or "root"
        for name in names if config.folder_id else [DEFAULT_FOLDER, *names]:
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            query = f"name = '{quoted}' and mimeType = '{FOLDER_TYPE}' and '{parent}' in parents"
            found = yield from self._find(query, config)
            if found is None:
                folder = {"name": name, "mimeType": FOLDER_TYPE, "parents": [parent]}
                made = yield from self._send("POST", "/drive/v3/files?supportsAllDrives=true&fields=id", config, folder)
                found = text_at(made, "id")
            parent = found
        return parent

    def _find(self, query: str, config: Config) -> Flow[str | None]:
        fields = {"q": f"{query} and trashed = false", "fields": "files(id)", "orderBy": "createdTime", "pageSize": "1"}
        drives = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
        response = yield from self._send(
            "GET", f"/drive/v3/files?{urlencode(fields | drives, quote_via=quote)}", config
        )
        response.json_object()
        return next((str(file["id"]) for file in objects_at(response, "files") if file.get("id")), None)

    def on_save(self, config: Config, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        # https://developers.google.com/workspace/drive/api/guides/push
        yield from self.on_delete(config, state)
        if not config.webhook_url or not config.webhook_secret:
            return {}
        start = yield from self._send("GET", "/drive/v3/changes/startPageToken?supportsAllDrives=true", config)
        token, ends = text_at(start, "startPageToken"), int(time.time()) + CHANNEL_SECONDS
        channel = {
            "id": str(uuid4()),
            "type": "web_hook",
            "address": config.webhook_url,
            "token": config.webhook_secret.get_secret_value(),
            "expiration": str(ends * 1000),
        }
        watched = yield from self._send("POST", f"/drive/v3/changes/watch?pageToken={quote(token)}", config, channel)
        return {
            "channelId": channel["id"],
            "resourceId": text_at(watched, "resourceId"),
            "renewAt": ends - CHANNEL_RENEWAL_SECONDS,
        }

    def on_delete(self, config: Config, state: Mapping[str, Any]) -> Flow[None]:
        if state:
            channel = {"id": state["channelId"], "resourceId": state["resourceId"]}
            response = yield self._request("POST", "/drive/v3/channels/stop", config, channel)
            if not response.ok and response.status not in (400, 404):
                raise google_error(response, self.name)

    inbound = GoogleDriveInbound()

    def _send(self, method: str, path: str, config: Config, payload: Any = None) -> Flow[Response]:
        response = yield self._request(method, path, config, payload)
        if not response.ok:
            raise google_error(response, self.name)
        return response

    def _request(self, method: str, path: str, config: Config, payload: Any = None) -> Request:
        url, headers = self._base() + path, self._headers(config)
        return Request(method, url, headers) if payload is None else Request.json(method, url, payload, headers)

    def _headers(self, config: Config) -> dict[str, str]:
        if config.access_token is None:
            raise AuthFailed("Connect your Google account first.")
        return {"Authorization": f"Bearer {config.access_token.get_secret_value()}"}

    def _base(self) -> str:
        return self.endpoint("apiUrl", "https://www.googleapis.com")

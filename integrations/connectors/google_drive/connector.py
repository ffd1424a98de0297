import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import Field

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.answers import field_of, text_at
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed
from ...core.fields import HookSecret, HttpsUrl, PathPrefix, reveal
from ...core.http import Flow
from ...core.markers import AssetEvents, SentTo
from ...core.signing import generate_secret
from ...families.documents import ABSENT, DocumentConfig, DocumentConnector, Stored
from ...families.google import google_error, google_oauth
from .api import ALL_DRIVES, DriveApi
from .fields import FolderId
from .inbound import GoogleDriveInbound
from .stored_files import DEFAULT_FOLDER, StoredFiles

CHANNEL_SECONDS = 604_800  # a week, the longest that Drive keeps a channel open
CHANNEL_RENEWAL_SECONDS = 86_400  # before it ends, the next one is opened


class GoogleDrive(DocumentConnector):
    type = "google_drive"
    name = "Google Drive"
    category = Category.STORAGE
    description = "Keeps one JSON document an asset in a folder of Google Drive."
    setup: ClassVar[str] = """\
1. Connect your Google account. Invenicum asks for `drive.file`, access only to files and folders that it makes itself.
2. Leave `folderId` empty: the documents go to a folder *Invenicum* in My Drive. You may rename it, move it within My
   Drive and share it: it stays the folder that is used. Documents too may be renamed and moved, also into a shared
   drive.

To use a folder of your own, also in a shared drive, paste its link as `folderId`. For that the connection needs the
scope `https://www.googleapis.com/auth/drive`: Google then says that Invenicum may *see, edit, create and delete all of
your Google Drive files*. The operator of this service has to ask for it, with
`OAUTH_GOOGLE_DRIVE_SCOPES=https://www.googleapis.com/auth/drive`. It is a [restricted
scope](https://developers.google.com/workspace/drive/api/guides/api-specific-auth): an app that others than the members
of one organisation use needs Google's security assessment for it. Connect again afterwards. In a shared drive you need
to be *Contributor* or more.

A document that you move to the bin, or whose folder you do, is made again with the next change of its asset. A deleted
asset's document goes to the bin, from which Google removes it after 30 days.
"""
    oauth = google_oauth("https://www.googleapis.com/auth/drive.file", required=True)
    remembers = True
    concurrency = 1  # so that the first documents do not all search for the folder at once

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
        about = yield from self._drive(config).send("GET", "about", fields="user(displayName,emailAddress)")
        account = field_of(about, "user", "emailAddress")
        folder = yield from self._files(config).check_target()
        return TestResult(
            f"Successfully connected to Google Drive of {account}", {"account": account, "folder": folder}
        )

    def read(self, path: str, config: Config) -> Flow[Stored]:
        file_id = yield from self._files(config).known_id(path)
        if file_id is None:
            return ABSENT
        drive = self._drive(config)
        response = yield drive.request("GET", f"files/{file_id}", None, alt="media", **ALL_DRIVES)
        if response.status == 404:
            return ABSENT
        if not response.ok:
            raise google_error(response, self.name)
        return Stored(response.body, file_id)

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        *folders, _ = path.split("/")
        folders = folders if config.folder_id else [DEFAULT_FOLDER, *folders]
        yield from self._files(config).write(folders, path, content)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        yield from self._files(config).remove(path)

    def on_save(self, config: Config, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        # https://developers.google.com/workspace/drive/api/guides/push
        yield from self.on_delete(config, state)
        if not config.webhook_url or not config.webhook_secret:
            return {}
        drive = self._drive(config)
        start = yield from drive.send("GET", "changes/startPageToken", **ALL_DRIVES)
        token, ends = text_at(start, "startPageToken"), int(time.time()) + CHANNEL_SECONDS
        channel = {
            "id": str(uuid4()),
            "type": "web_hook",
            "address": config.webhook_url,
            "token": config.webhook_secret.get_secret_value(),
            "expiration": str(ends * 1000),
        }
        # Without these, changes in shared drives are not told:
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/watch
        every = {"includeItemsFromAllDrives": "true", **ALL_DRIVES}
        watched = yield from drive.send("POST", "changes/watch", channel, pageToken=token, **every)
        return {
            "channelId": channel["id"],
            "resourceId": text_at(watched, "resourceId"),
            "renewAt": ends - CHANNEL_RENEWAL_SECONDS,
        }

    def on_delete(self, config: Config, state: Mapping[str, Any]) -> Flow[None]:
        if state:
            channel = {"id": state["channelId"], "resourceId": state["resourceId"]}
            response = yield self._drive(config).request("POST", "channels/stop", channel)
            if not response.ok and response.status not in (400, 404):
                raise google_error(response, self.name)

    inbound = GoogleDriveInbound()

    def _files(self, config: Config) -> StoredFiles:
        return StoredFiles(self._drive(config), config.folder_id)

    def _drive(self, config: Config) -> DriveApi:
        if config.access_token is None:
            raise AuthFailed("Connect your Google account first.")
        return DriveApi(self.endpoint("apiUrl", "https://www.googleapis.com"), reveal(config.access_token))

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.answers import error_for, excerpt, field_of, retry_after, text_at
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited, bounded_wait
from ...core.fields import token_like
from ...core.http import Flow, Request, Response
from ...core.markers import AssetEvents, Matches, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.documents import ABSENT, Conflict, DocumentConfig, DocumentConnector, Stored
from .inbound import DropboxInbound

AccessToken = Annotated[SecretStr, token_like("sl.u.xxxxxxxxxxxxxxxxxxxx")]
Path = Annotated[
    str,
    Matches(
        r"^(?:|/(?:[^\x00-\x1f\x7f\\]*[^/\x00-\x1f\x7f\\])?)$",
        "empty for the root, or a path that begins with / and does not end with one",
        "/Invenicum",
    ),
]
RATE_LIMIT_WAIT_SECONDS = 1.0  # if Dropbox does not say how long


class Dropbox(DocumentConnector):
    type = "dropbox"
    name = "Dropbox"
    category = Category.STORAGE
    description = "Keeps one JSON document an asset in a folder of Dropbox."
    setup: ClassVar[str] = """\
1. Connect your Dropbox account. Or paste an access token of your own app, with the permissions `account_info.read`,
   `files.metadata.read`, `files.content.read` and `files.content.write`; it lives for four hours.
2. Create the folder that you give as `path`, or leave `path` empty.
"""
    oauth = OAuthSpec(
        "https://www.dropbox.com/oauth2/authorize",
        "https://api.dropboxapi.com/oauth2/token",
        scopes=("account_info.read", "files.metadata.read", "files.content.read", "files.content.write"),
        identity_url="https://api.dropboxapi.com/2/users/get_current_account",
        identity_field="email",
        identity_method="POST",
        revoke_url="https://api.dropboxapi.com/2/auth/token/revoke",
        revocation="bearer",
        extra_params={"token_access_type": "offline"},
    )
    concurrency = 1  # https://developers.dropbox.com/error-handling-guide: one write at a time in a namespace

    class Config(DocumentConfig):
        path: Path = ""
        access_token: Annotated[AccessToken | None, SentTo(), OAuthReplaces()] = None
        events: AssetEvents = list(ASSET_EVENTS)

    def test(self, config: Config) -> Flow[TestResult]:
        account = yield self._call("users/get_current_account", None, config)
        if not account.ok:
            raise _error(account)
        if config.path.strip("/"):
            folder = yield self._call("files/get_metadata", {"path": config.path}, config)
            if not folder.ok:
                raise _error(folder)
            if field_of(folder, ".tag") != "folder":
                raise InvalidConfig(f"{config.path} is not a folder.", {"path": ["must be a folder"]})
        # An upload session that is never committed proves write access and leaves nothing behind.
        session = yield self._transfer("upload_session/start", {"close": True}, config)
        if session.status in (401, 403):
            raise _error(session)
        email = field_of(account, "email")
        return TestResult(
            f"Successfully connected to Dropbox of {email}", {"account": email, "path": config.path or "/"}
        )

    def path(self, name: str, config: Config) -> str:
        return f"{config.path.rstrip('/')}/{name}"

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # https://www.dropbox.com/developers/documentation/http/documentation#files-download
        response = yield self._transfer("download", {"path": path}, config)
        if _summary(response).startswith("path/not_found"):
            return ABSENT
        if not response.ok:
            raise _error(response)
        described = Response(200, {}, response.headers.get("dropbox-api-result", "").encode())
        return Stored(response.body, excerpt(field_of(described, "rev")))

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        # https://www.dropbox.com/developers/documentation/http/documentation#files-upload
        mode: Any = "overwrite"
        if found == ABSENT:
            mode = "add"
        elif found and found.version:
            mode = {".tag": "update", "update": found.version}
        arguments = {"path": path, "mode": mode, "autorename": False, "mute": True}
        response = yield self._transfer("upload", arguments, config, content)
        if not response.ok:
            raise _error(response)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        response = yield self._call("files/delete_v2", {"path": path}, config)
        if not response.ok and not _summary(response).startswith("path_lookup/not_found"):
            raise _error(response)

    def on_save(self, config: Config, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        # Notifications name the account by its id; only the token proves which id is this account's.
        account = yield self._call("users/get_current_account", None, config)
        if not account.ok:
            raise _error(account)
        return {"accountId": text_at(account, "account_id")}

    inbound = DropboxInbound()

    def _call(self, method: str, arguments: Any, config: Config) -> Request:
        url = f"{self.endpoint('apiUrl', 'https://api.dropboxapi.com')}/2/{method}"
        return Request.json("POST", url, arguments, _headers(config))

    def _transfer(self, method: str, arguments: Any, config: Config, content: bytes = b"") -> Request:
        base = self.endpoint("contentUrl", self.endpoint("apiUrl", "https://content.dropboxapi.com"))
        # Headers are ASCII: json.dumps escapes every other character.
        own = {"Dropbox-API-Arg": json.dumps(arguments), "Content-Type": "application/octet-stream"}
        return Request("POST", f"{base}/2/files/{method}", _headers(config) | own, content)


def _headers(config: Dropbox.Config) -> dict[str, str]:
    if config.access_token is None:
        raise AuthFailed("Connect your Dropbox account first.")
    return {"Authorization": f"Bearer {config.access_token.get_secret_value()}"}


def _summary(response: Response) -> str:
    """Dropbox's error, e.g. `path/not_found/..`; the documentation warns that the dots at the end vary."""
    return excerpt(field_of(response, "error_summary")) if response.status in (401, 403, 409, 429) else ""


def _error(response: Response) -> IntegrationError:
    # https://developers.dropbox.com/error-handling-guide
    status, summary = response.status, _summary(response)
    if "missing_scope" in summary:
        scope = excerpt(field_of(response, "error", "required_scope"))
        return AuthFailed(f"The connection to Dropbox lacks the permission {scope}: connect again.")
    if "expired_access_token" in summary:
        return AuthFailed("The Dropbox access token has expired: connect again with OAuth, or paste a new one.")
    if status == 401:
        return AuthFailed(f"Dropbox refused the access token ({summary}).")
    if status == 429 or "too_many_write_operations" in summary:
        wait = retry_after(response) or bounded_wait(field_of(response, "error", "retry_after"))
        return RateLimited("Dropbox asks to slow down.", retry_after=wait or RATE_LIMIT_WAIT_SECONDS)
    if "insufficient_space" in summary:
        return ConnectionFailed("Dropbox has no space left.")
    if "no_write_permission" in summary:
        return AuthFailed("You may not write to this folder of Dropbox.")
    if "/conflict/file" in summary:
        return Conflict("The file keeps changing while it is written.")
    if status == 409 and "not_found" in summary:
        return InvalidConfig("There is no such folder in Dropbox.", {"path": ["does not exist"]})
    if status == 409:
        return InvalidConfig(f"Dropbox refused the path ({summary}).", {"path": ["is refused by Dropbox"]})
    if status == 400:
        # 400 is plain text: a malformed token, or an app that lacks a permission.
        return AuthFailed(f"Dropbox refused the request ({excerpt(response.text)}).")
    return error_for(response, "Dropbox", summary)

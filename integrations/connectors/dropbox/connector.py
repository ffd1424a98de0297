import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.answers import excerpt, field_of, text_at
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, InvalidConfig
from ...core.fields import token_like
from ...core.http import Flow, Request, Response
from ...core.markers import AssetEvents, Matches, OAuthReplaces, SentTo
from ...core.memory import forget, recall, remember
from ...core.oauth import OAuthSpec
from ...families.documents import ABSENT, DocumentConfig, DocumentConnector, Stored
from .errors import NOT_ALLOWED, dropbox_error, tags_of
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
Space = Annotated[
    Literal["own", "team"],
    Field(description="What the path is in: `own` is the folder of the account, `team` the space of its team"),
]
ROOT_KEY = "root"  # of what is remembered: the id of the namespace that is the account's root
ROOT_AT = ("root_info", "root_namespace_id")


class Dropbox(DocumentConnector):
    type = "dropbox"
    name = "Dropbox"
    category = Category.STORAGE
    description = "Keeps one JSON document an asset in a folder of Dropbox."
    setup: ClassVar[str] = """\
1. Connect your Dropbox account. Or paste an access token of your own app, with the permissions `account_info.read`,
   `files.metadata.read`, `files.content.read` and `files.content.write`; it lives for four hours.
2. Create the folder that you give as `path`, or leave `path` empty.

In a Dropbox team, `path` is in your own folder, unless you set `space` to `team`: then it begins at the space of the
team, where team folders such as `/Inventory` are, and your own folder as `/Your Name`. You need to be allowed to edit
in the folder. Directly in the space of the team most teams allow no files.

If you join or leave a team, the space changes with you. An administrator of the team can restrict what apps and members
do; the integration then says so, and its deliveries wait.
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
    remembers = True
    concurrency = 1  # https://developers.dropbox.com/error-handling-guide: one write at a time in a namespace

    class Config(DocumentConfig):
        path: Path = ""
        space: Space = "own"
        access_token: Annotated[AccessToken | None, SentTo(), OAuthReplaces()] = None
        events: AssetEvents = list(ASSET_EVENTS)

    def test(self, config: Config) -> Flow[TestResult]:
        account = yield from self._account(config)
        if config.space == "team" and not _has_team_space(account):
            sentence = "This account belongs to no Dropbox team with a space of its own: choose its own folder."
            raise InvalidConfig(sentence, {"space": ["must be own"]})
        if config.path.strip("/"):
            folder = yield from self._in_space("files/get_metadata", {"path": config.path}, config)
            if not folder.ok:
                raise dropbox_error(folder)
            if field_of(folder, ".tag") != "folder":
                raise InvalidConfig(f"{config.path} is not a folder.", {"path": ["must be a folder"]})
            if field_of(folder, "sharing_info", "read_only") is True:
                raise AuthFailed(NOT_ALLOWED[("no_write_permission",)])
        # An upload session that is never committed proves write access and leaves nothing behind.
        session = yield from self._in_space("files/upload_session/start", {"close": True}, config, b"")
        if not session.ok:
            raise dropbox_error(session)
        email = field_of(account, "email")
        metadata = {"account": email, "path": config.path or "/", "space": config.space}
        return TestResult(f"Successfully connected to Dropbox of {email}", metadata)

    def path(self, name: str, config: Config) -> str:
        return f"{config.path.rstrip('/')}/{name}"

    def only_reads(self, request: Request, config: Config) -> bool:
        # https://www.dropbox.com/developers/documentation/http/documentation: all calls are POST
        reads = ("/files/download", "/files/get_metadata", "/users/get_current_account")
        return request.url.endswith(reads) or super().only_reads(request, config)

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # https://www.dropbox.com/developers/documentation/http/documentation#files-download
        response = yield from self._in_space("files/download", {"path": path}, config, b"")
        if tags_of(response) == ("path", "not_found"):
            return ABSENT
        if not response.ok:
            raise dropbox_error(response)
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
        response = yield from self._in_space("files/upload", arguments, config, content)
        if not response.ok:
            raise dropbox_error(response)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        response = yield from self._in_space("files/delete_v2", {"path": path}, config)
        if not response.ok and tags_of(response) != ("path_lookup", "not_found"):
            raise dropbox_error(response)

    def on_save(self, config: Config, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        # Notifications name the account by its id; only the token proves which id is this account's.
        return {"accountId": text_at((yield from self._account(config)), "account_id")}

    inbound = DropboxInbound()

    def _account(self, config: Config) -> Flow[Response]:
        account = yield self._request("users/get_current_account", None, config, {})
        if not account.ok:
            raise dropbox_error(account)
        return account

    def _in_space(self, method: str, arguments: Any, config: Config, content: bytes | None = None) -> Flow[Response]:
        """The answer to a call whose paths are those of the configured space. `content` is for calls that take some."""
        if config.space == "own":
            return (yield self._request(method, arguments, config, {}, content))
        # https://www.dropbox.com/developers/reference/path-root-header-modes: with `root` Dropbox checks that it still
        # is the account's root, which changes when the account joins or leaves a team.
        root = yield from recall(ROOT_KEY)
        if root is None:
            account = yield from self._account(config)
            root = yield from remember(ROOT_KEY, text_at(account, *ROOT_AT))
        response = yield self._request(method, arguments, config, _rooted(root), content)
        if tags_of(response)[:1] == ("invalid_root",):  # the next one is that of the new root: user or team
            yield from forget(ROOT_KEY, root)
            root = yield from remember(ROOT_KEY, text_at(response, "error", "invalid_root", "root_namespace_id"))
            response = yield self._request(method, arguments, config, _rooted(root), content)
        return response

    def _request(
        self, method: str, arguments: Any, config: Config, more: dict[str, str], content: bytes | None = None
    ) -> Request:
        if config.access_token is None:
            raise AuthFailed("Connect your Dropbox account first.")
        headers = {"Authorization": f"Bearer {config.access_token.get_secret_value()}", **more}
        if content is None:
            base = self.endpoint("apiUrl", "https://api.dropboxapi.com")
            return Request.json("POST", f"{base}/2/{method}", arguments, headers)
        base = self.endpoint("contentUrl", self.endpoint("apiUrl", "https://content.dropboxapi.com"))
        # Headers are ASCII: json.dumps escapes every other character.
        own = {"Dropbox-API-Arg": json.dumps(arguments), "Content-Type": "application/octet-stream"}
        return Request("POST", f"{base}/2/{method}", headers | own, content)


def _rooted(root: str) -> dict[str, str]:
    return {"Dropbox-API-Path-Root": json.dumps({".tag": "root", "root": root})}


def _has_team_space(account: Response) -> bool:
    """Whether the account's root is more than its own folder, which older and newer team spaces say in this way alone:
    https://developers.dropbox.com/dbx-team-files-guide"""
    return bool(field_of(account, *ROOT_AT) != field_of(account, "root_info", "home_namespace_id"))

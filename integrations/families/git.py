"""What GitHub, GitLab and Bitbucket have in common: documents committed to a branch, and a webhook that is registered
and kept in line with the configuration. Pure."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from invenicum.events.message import Message
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED, ASSET_EVENTS

from ..core.answers import field_of, objects_at, text_at
from ..core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, Rejected
from ..core.fields import reveal
from ..core.http import Flow, Request, Response
from ..core.signing import generate_secret
from .documents import DocumentConnector

# Files are read back as base64 in JSON, of which the driver reads 64 KiB.
MAX_DOCUMENT_BYTES = 40_000
# The position inside a reference such as `#7` or `@octocat`, after the sign.
INSIDE_REFERENCE = re.compile(r"(?<=[#!@])(?=\w)|(?<=\bGH-)(?=\d)|(?<=:)(?=//)", re.IGNORECASE)


def commit_message(message: Message) -> str:
    """The commit's message: a summary such as `Update asset-123: Hero Image.jpg`, and the event's id."""
    asset_id, document = message.data["assetId"], message.document or {}
    verb = {ASSET_CREATED: "Add", ASSET_DELETED: "Remove"}.get(message.name, "Update")
    name = message.data.get("name") or document.get("name")
    summary = f"{verb} {asset_id}" + (f": {_inert(' '.join(name.split())[:100])}" if isinstance(name, str) else "")
    return f"{summary}\n\nInvenicum event {message.id}"


def _inert(name: str) -> str:
    """`name` without references: an asset named `Fixes #7` or `@octocat` must not close an issue or notify a user.

    https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
    https://docs.gitlab.com/user/project/issues/managing_issues/#closing-issues-automatically
    """
    return INSIDE_REFERENCE.sub("\N{WORD JOINER}", name)


class GitConnector(DocumentConnector):
    """Commits documents to a branch and registers a webhook for the platform's events.

    Subclasses implement addresses, requests and bodies. Their `Config` has `branch`, `path_prefix`, `sync_assets`,
    `webhook_url`, `webhook_secret` and `events`: the platform's events for which the webhook is registered.
    """

    sends = (
        DocumentConnector.sends
        + """
Each write is a commit to `branch` in the name of the token's owner, such as `Update asset-123: Hero Image.jpg`; if
the document would not change, nothing is committed. With `syncAssets: false` nothing is sent at all.

With a `webhookUrl`, a webhook for `events` is registered when the integration is saved, updated with it, and
removed when it is deleted. If you give no secret, one is created.
"""
    )
    reads_first = True
    concurrency = 1  # of two simultaneous commits to a branch, one is refused
    update_hook_method: ClassVar[str] = "PUT"
    hooks_path: ClassVar[tuple[str, ...]] = ()  # the path to the list in the response
    hook_id_field: ClassVar[str] = "id"
    list_hooks: ClassVar[str] = "/hooks?per_page=50"
    hook_permission: ClassVar[str]  # what a token needs to manage webhooks: the end of a sentence

    def repository_url(self, config: Any) -> str:
        """The repository's address in the platform's API, without a trailing slash."""
        raise NotImplementedError

    def repository_name(self, config: Any) -> str:
        """The repository's name as people write it, for messages."""
        raise NotImplementedError

    def headers(self, config: Any) -> dict[str, str]:
        """The headers of every request, including the credentials."""
        return {"Authorization": f"Bearer {token(config)}"}

    def error(self, response: Response, config: Any) -> IntegrationError:
        """The error for a status other than 2xx."""
        raise NotImplementedError

    def hook_payload(self, config: Any) -> dict[str, Any]:
        """The body that registers or updates the webhook."""
        raise NotImplementedError

    def is_own_hook(self, hook: Mapping[str, Any], config: Any) -> bool:
        """Whether a webhook in the platform's list was registered for this configuration."""
        return hook.get("url") == config.webhook_url and hook.get("description") == hook_label(config)

    def subscriptions(self, config: Any) -> tuple[str, ...]:
        return ASSET_EVENTS if config.sync_assets else ()

    def generated_secrets(self, config: Any) -> dict[str, str]:
        return {"webhookSecret": generate_secret()} if config.webhook_url and not config.webhook_secret else {}

    def request(self, method: str, path: str, config: Any, payload: Any = None) -> Request:
        """A request for `path` below the repository's address, with `payload` as JSON unless it is None."""
        url, headers = self.repository_url(config) + path, self.headers(config)
        return Request(method, url, headers) if payload is None else Request.json(method, url, payload, headers)

    def send(self, method: str, path: str, config: Any, payload: Any = None) -> Flow[Response]:
        """Sends such a request and returns its response. Raises `error` for a status other than 2xx."""
        response = yield self.request(method, path, config, payload)
        if not response.ok:
            raise self.error(response, config)
        return response

    def check_branch(self, path: str, config: Any) -> Flow[Response]:
        """The response that describes the branch. Raises InvalidConfig if it does not exist."""
        response = yield self.request("GET", path, config)
        if response.status == 404:
            sentence = f"{self.repository_name(config)} has no branch {config.branch}."
            raise InvalidConfig(sentence, {"branch": ["does not exist"]})
        if not response.ok:
            raise self.error(response, config)
        response.json_object()
        return response

    def check_hooks(self, config: Any) -> Flow[list[dict[str, Any]]]:
        """The repository's webhooks. Raises AuthFailed if the credentials may not manage them."""
        response = yield self.request("GET", self.list_hooks, config)
        if not response.ok:
            raise self._hook_error(response, config)
        return objects_at(response, *self.hooks_path)

    def on_save(self, config: Any, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        repository = self.repository_url(config)
        if state and state["repository"] != repository:
            yield from self._leave(state, config)
            state = {}
        if not config.webhook_url:
            yield from self.on_delete(config, state)
            return {}
        hook_id = state.get("hookId") or (yield from self._find_hook(config))
        if hook_id is not None:
            path = f"/hooks/{quote(hook_id, safe='')}"
            response = yield self.request(self.update_hook_method, path, config, self.hook_payload(config))
            if response.ok:
                return {"hookId": hook_id, "repository": repository}
            if response.status != 404:
                raise self._hook_error(response, config)
        response = yield self.request("POST", "/hooks", config, self.hook_payload(config))
        if not response.ok:
            raise self._hook_error(response, config)
        return {"hookId": text_at(response, self.hook_id_field), "repository": repository}

    def on_delete(self, config: Any, state: Mapping[str, Any]) -> Flow[None]:
        # Credentials must not be sent to the server of an earlier configuration.
        if not state or not self._is_of_server(state, config):
            return
        url = f"{state['repository']}/hooks/{quote(state['hookId'], safe='')}"
        response = yield Request("DELETE", url, self.headers(config))
        if not response.ok and response.status != 404:
            raise self._hook_error(response, config)

    def _leave(self, state: Mapping[str, Any], config: Any) -> Flow[None]:
        """Removes the webhook from the repository of the previous configuration, if the credentials allow it."""
        try:
            yield from self.on_delete(config, state)
        except IntegrationError:
            return

    def _is_of_server(self, state: Mapping[str, Any], config: Any) -> bool:
        """Whether the webhook was registered at the server of this configuration."""
        registered_at, now = urlsplit(str(state["repository"])), urlsplit(self.repository_url(config))
        return registered_at[:2] == now[:2]

    def _find_hook(self, config: Any) -> Flow[str | None]:
        """The id of the webhook that an earlier call registered whose response was lost; None if there is none."""
        hooks = yield from self.check_hooks(config)
        return next((str(hook.get(self.hook_id_field)) for hook in hooks if self.is_own_hook(hook, config)), None)

    def _hook_error(self, response: Response, config: Any) -> IntegrationError:
        error = self.error(response, config)
        # GitHub answers 404 for what a token may not see.
        if response.status in (403, 404) and isinstance(error, AuthFailed | InvalidConfig):
            where = self.repository_name(config)
            return AuthFailed(f"The credentials may not manage the webhooks of {where}: {self.hook_permission}.")
        return error


def hook_label(config: Any) -> str:
    """The webhook's description, e.g. `Invenicum 1f0b3a9c`: it tells two users' webhooks on one repository apart."""
    return f"Invenicum {hashlib.sha256(reveal(config.webhook_secret).encode()).hexdigest()[:8]}"


def token(config: Any) -> str:
    """The OAuth grant's token if there is a grant, else the token that the user gave."""
    return reveal(config.access_token or config.api_key)


def decoded(response: Response, *path: str) -> bytes:
    """The decoded base64 under `path` in a JSON response. Raises ConnectionFailed if there is none."""
    try:
        return base64.b64decode(field_of(response, *path))
    except (TypeError, ValueError):
        raise ConnectionFailed(
            f"The answer (HTTP {response.status}) has no valid base64 in {'.'.join(path)}."
        ) from None


def check_size(content: bytes, service: str) -> None:
    """Raises Rejected if the document is too large to be read back."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise Rejected(
            f"The asset's document is too large for {service}: {len(content)} of {MAX_DOCUMENT_BYTES} bytes."
        )

"""What GitHub, GitLab and Bitbucket have in common: documents committed to a branch, and a hook kept in step."""

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
from ..core.http import Flow, Request, Response
from ..core.signing import generate_secret
from .documents import DocumentConnector

# A file is read back as base64 in JSON, of which a driver reads 64 KiB.
MAX_DOCUMENT = 40_000
# After the sign that makes a reference, before what it refers to.
REFERENCE = re.compile(r"(?<=[#!@])(?=\w)|(?<=\bGH-)(?=\d)|(?<=:)(?=//)", re.IGNORECASE)


def commit_message(message: Message) -> str:
    """A one-line summary in the imperative, and the event that it came from."""
    asset_id, document = message.data["assetId"], message.document or {}
    verb = {ASSET_CREATED: "Add", ASSET_DELETED: "Remove"}.get(message.name, "Update")
    name = message.data.get("name") or document.get("name")
    summary = f"{verb} {asset_id}" + (f": {_inert(' '.join(name.split())[:100])}" if isinstance(name, str) else "")
    return f"{summary}\n\nInvenicum event {message.id}"


def _inert(name: str) -> str:
    """Looks the same and refers to nothing: an asset named `Fixes #7` or `@octocat` closes no issue and calls nobody.

    https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
    https://docs.gitlab.com/user/project/issues/managing_issues/#closing-issues-automatically
    """
    return REFERENCE.sub("\N{WORD JOINER}", name)


class GitConnector(DocumentConnector):
    """Subclasses give addresses, requests and bodies. Their `Config` has `branch`, `path_prefix`, `sync_assets`,
    `webhook_url`, `webhook_secret` and `events`, the platform's own, for the hook.
    """

    sends = (
        DocumentConnector.sends
        + """
Each write is a commit to `branch` in the name of the token's owner, such as `Update asset-123: Hero Image.jpg`; where
the document would not change, nothing is committed. With `syncAssets: false` nothing is sent at all.

With a `webhookUrl`, a webhook for `events` is registered when the integration is saved, kept in step with it, and
removed when it is deleted. Without a secret of yours, one is made.
"""
    )
    looks_first = True
    concurrency = 1  # two commits to one branch at once: one of them is refused
    update_hook_method: ClassVar[str] = "PUT"
    hooks_path: ClassVar[tuple[str, ...]] = ()  # to the list in the answer
    hook_id_field: ClassVar[str] = "id"
    list_hooks: ClassVar[str] = "/hooks?per_page=50"
    hook_permission: ClassVar[str]  # what a token needs for hooks: the end of a sentence

    def repository_url(self, config: Any) -> str:
        """The address in the platform's API below which everything happens."""
        raise NotImplementedError

    def repository_name(self, config: Any) -> str:
        """As people write it, for sentences."""
        raise NotImplementedError

    def headers(self, config: Any) -> dict[str, str]:
        """What every request carries, the credentials among them."""
        return {"Authorization": f"Bearer {token(config)}"}

    def error(self, response: Response, config: Any) -> IntegrationError:
        raise NotImplementedError

    def hook_payload(self, config: Any) -> dict[str, Any]:
        raise NotImplementedError

    def is_own_hook(self, hook: Mapping[str, Any], config: Any) -> bool:
        """Whether a hook in the platform's list is the one of this very configuration."""
        return hook.get("url") == config.webhook_url and hook.get("description") == hook_label(config)

    def subscriptions(self, config: Any) -> tuple[str, ...]:
        return ASSET_EVENTS if config.sync_assets else ()

    def generated_secrets(self, config: Any) -> dict[str, str]:
        return {"webhookSecret": generate_secret()} if config.webhook_url and not config.webhook_secret else {}

    def request(self, method: str, path: str, config: Any, payload: Any = None) -> Request:
        """A request below the repository's address, with `payload` as JSON where there is one."""
        url, headers = self.repository_url(config) + path, self.headers(config)
        return Request(method, url, headers) if payload is None else Request.json(method, url, payload, headers)

    def send(self, method: str, path: str, config: Any, payload: Any = None) -> Flow[Response]:
        """One such request and its answer. Raises what the answer stands for where it is not 2xx."""
        response = yield self.request(method, path, config, payload)
        if not response.ok:
            raise self.error(response, config)
        return response

    def check_branch(self, path: str, config: Any) -> Flow[Response]:
        """The answer that describes the branch. Raises InvalidConfig where there is none."""
        response = yield self.request("GET", path, config)
        if response.status == 404:
            sentence = f"{self.repository_name(config)} has no branch {config.branch}."
            raise InvalidConfig(sentence, {"branch": ["does not exist"]})
        if not response.ok:
            raise self.error(response, config)
        response.json_object()
        return response

    def check_hooks(self, config: Any) -> Flow[list[dict[str, Any]]]:
        """The repository's webhooks. Raises AuthFailed where these credentials may not manage them."""
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
        if not state:
            return
        url = f"{state['repository']}/hooks/{quote(state['hookId'], safe='')}"
        response = yield Request("DELETE", url, self.headers(config))
        if not response.ok and response.status != 404:
            raise self._hook_error(response, config)

    def _leave(self, state: Mapping[str, Any], config: Any) -> Flow[None]:
        """Removes the hook from the repository used before, as far as these credentials reach."""
        # Another server must not be sent the credentials of this one.
        if urlsplit(state["repository"])[:2] == urlsplit(self.repository_url(config))[:2]:
            try:
                yield from self.on_delete(config, state)
            except IntegrationError:
                return

    def _find_hook(self, config: Any) -> Flow[str | None]:
        """The id of the hook that an earlier call registered without hearing the answer."""
        hooks = yield from self.check_hooks(config)
        return next((str(hook.get(self.hook_id_field)) for hook in hooks if self.is_own_hook(hook, config)), None)

    def _hook_error(self, response: Response, config: Any) -> IntegrationError:
        error = self.error(response, config)
        # 404 is how GitHub hides what a token may not see.
        if response.status in (403, 404) and isinstance(error, AuthFailed | InvalidConfig):
            where = self.repository_name(config)
            return AuthFailed(f"The credentials may not manage the webhooks of {where}: {self.hook_permission}.")
        return error


def hook_label(config: Any) -> str:
    """Names a hook after its secret, so that two users' hooks on one repository are told apart."""
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else ""
    return f"Invenicum {hashlib.sha256(secret.encode()).hexdigest()[:8]}"


def token(config: Any) -> str:
    """The OAuth grant's token where there is one, else the pasted one."""
    secret = config.access_token or config.api_key
    return secret.get_secret_value() if secret else ""


def decoded(response: Response, *path: str) -> bytes:
    """The base64 under `path` in a JSON answer. Raises ConnectionFailed where there is none."""
    try:
        return base64.b64decode(field_of(response, *path))
    except (TypeError, ValueError):
        raise ConnectionFailed(f"The answer (HTTP {response.status}) has no base64 as {'.'.join(path)}.") from None


def check_size(content: bytes, service: str) -> None:
    if len(content) > MAX_DOCUMENT:
        raise Rejected(f"The asset's document is too large for {service}: {len(content)} of {MAX_DOCUMENT} bytes.")

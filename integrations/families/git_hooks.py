"""A repository at GitHub, GitLab or Bitbucket: requests to it, and the webhook that is registered there. Pure."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote, urlsplit, urlunsplit

from ..core.answers import next_link, objects_at, text_at
from ..core.connector import Connector
from ..core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig
from ..core.fields import reveal
from ..core.http import Flow, Request, Response
from ..core.signing import generate_secret

# The driver reads 64 KiB of an answer, and a hook can take 3 KB of it: its address and its headers are the user's.
HOOKS_PER_PAGE = 20
MAX_HOOK_PAGES = 30
QUERY = re.compile(r"[\x21\x24-\x7e]{1,1000}")


class RepositoryConnector(Connector):
    """Requests to a repository, and a webhook of the integration's own that is kept in line with its configuration.

    Subclasses implement addresses, errors and bodies. Their `Config` has `webhook_url`, `webhook_secret` and `events`:
    the platform's events for which the webhook is registered.
    """

    update_hook_method: ClassVar[str] = "PUT"
    hooks_path: ClassVar[tuple[str, ...]] = ()  # the path to the list in the response
    hook_id_field: ClassVar[str] = "id"
    page_size_field: ClassVar[str] = "per_page"
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
        """Whether the integration registered a webhook in the platform's list. Its address alone proves nothing."""
        return bool(config.integration_id) and hook.get("description") == hook_label(config)

    def next_page(self, response: Response) -> str:
        """The address of the next page of a list; empty on the last one."""
        return next_link(response)

    def generated_secrets(self, config: Any) -> dict[str, str]:
        return {"webhookSecret": generate_secret()} if config.webhook_url and not config.webhook_secret else {}

    def request(self, method: str, path: str, config: Any, payload: Any = None) -> Request:
        """A request for `path` below the repository's address, with `payload` as JSON unless it is None."""
        url, headers = self.repository_url(config) + path, self.headers(config)
        return Request(method, url, headers) if payload is None else Request.json(method, url, payload, headers)

    def send(self, method: str, path: str, config: Any, payload: Any = None) -> Flow[Response]:
        """Sends such a request and returns its response. Raises the error for a status other than 2xx."""
        response = yield self.request(method, path, config, payload)
        if not response.ok:
            yield from self.refuse(response, config)
        return response

    def refuse(self, response: Response, config: Any) -> Flow[NoReturn]:
        """Raises the error for a status other than 2xx. A subclass may first ask the platform for the reason."""
        yield from ()
        raise self.error(response, config)

    def hook_address(self, config: Any) -> str:
        """Where the webhook is sent: `…/webhooks/<type>` of this service becomes the integration's own address."""
        parts = urlsplit(config.webhook_url)
        path = parts.path.rstrip("/")
        if not config.integration_id or not path.endswith(f"/webhooks/{self.type}"):
            return str(config.webhook_url)
        return str(urlunsplit(parts._replace(path=f"{path}/{config.integration_id}")))

    def check_hooks(self, config: Any) -> Flow[None]:
        """Raises AuthFailed if the credentials may not manage the repository's webhooks."""
        yield from self._hooks_page(f"?{self.page_size_field}=1", config)

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
                raise self.hook_error(response, config)
        response = yield self.request("POST", "/hooks", config, self.hook_payload(config))
        if not response.ok:
            raise self.hook_error(response, config)
        return {"hookId": text_at(response, self.hook_id_field), "repository": repository}

    def on_delete(self, config: Any, state: Mapping[str, Any]) -> Flow[None]:
        # Credentials must not be sent to the server of an earlier configuration.
        if not state or not is_same_server(state["repository"], self.repository_url(config)):
            return
        url = f"{state['repository']}/hooks/{quote(state['hookId'], safe='')}"
        response = yield Request("DELETE", url, self.headers(config))
        if not response.ok and response.status != 404:
            raise self.hook_error(response, config)

    def hook_error(self, response: Response, config: Any) -> IntegrationError:
        """The error for a status other than 2xx in answer to a request about webhooks."""
        error = self.error(response, config)
        # GitHub answers 404 for what a token may not see.
        if response.status in (403, 404) and isinstance(error, AuthFailed | InvalidConfig):
            where = self.repository_name(config)
            return AuthFailed(f"The credentials may not manage the webhooks of {where}: {self.hook_permission}.")
        return error

    def _leave(self, state: Mapping[str, Any], config: Any) -> Flow[None]:
        """Removes the webhook from the repository of the previous configuration, if the credentials allow it."""
        try:
            yield from self.on_delete(config, state)
        except IntegrationError:
            return

    def _find_hook(self, config: Any) -> Flow[str | None]:
        """The id of the webhook that an earlier call registered whose response was lost; None if there is none."""
        query = f"?{self.page_size_field}={HOOKS_PER_PAGE}"
        for _ in range(MAX_HOOK_PAGES):
            response = yield from self._hooks_page(query, config)
            for hook in objects_at(response, *self.hooks_path):
                if self.is_own_hook(hook, config):
                    return str(hook.get(self.hook_id_field))
            # Of the next page's address only the query is used: the server may call itself by another name.
            _, _, following = self.next_page(response).partition("?")
            if not QUERY.fullmatch(following):
                return None
            query = f"?{following}"
        raise ConnectionFailed(f"{self.repository_name(config)} lists its webhooks without end.")

    def _hooks_page(self, query: str, config: Any) -> Flow[Response]:
        response = yield self.request("GET", f"/hooks{query}", config)
        if not response.ok:
            raise self.hook_error(response, config)
        return response


def is_same_server(url: object, other: object) -> bool:
    """Whether two addresses have the same scheme, host and port. False if one is no address."""
    try:
        return urlsplit(str(url))[:2] == urlsplit(str(other))[:2]
    except ValueError:
        return False


def hook_label(config: Any) -> str:
    """The webhook's description, e.g. `Invenicum 0199c0de-…`: it tells two users' webhooks on one repository apart."""
    return f"Invenicum {config.integration_id}"


def token(config: Any) -> str:
    """The OAuth grant's token if there is a grant, else the token that the user gave."""
    return reveal(config.access_token or config.api_key)

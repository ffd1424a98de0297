"""What a bot token can do in its workspace: say whose it is, find a channel, and post. Pure."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ...core.answers import excerpt, field_of, objects_at, text_at
from ...core.http import Flow, Request, Response
from .errors import WrongTarget, api_error

CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,}")
# Direct messages and users, whom a bot cannot look up.
PERSON = re.compile(r"@.*|[DUW][A-Z0-9]{6,}")
CHANNELS_A_PAGE = 40  # an answer of more may be longer than what is read of it
MAX_CHANNEL_PAGES = 10


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is. `scopes` is None if Slack does not say what it may do."""

    team_name: str
    team_id: str
    scopes: frozenset[str] | None

    def lacks(self, scope: str) -> bool:
        """Whether the token is known to lack `scope`."""
        return self.scopes is not None and scope not in self.scopes


@dataclass(frozen=True, slots=True)
class FoundChannel:
    """A channel as the token sees it; `is_member` is whether the bot is in it."""

    id: str
    name: str
    is_member: bool


class Workspace:
    """A workspace as a token sees it. `api_url` is the origin of Slack's API, e.g. `https://slack.com`."""

    def __init__(self, api_url: str, token: str) -> None:
        self.api_url, self.token = api_url, token

    def identity(self) -> Flow[Identity]:
        """The workspace's name and id, e.g. "Invenicum Team" and "T00000000", and the token's scopes. Needs none."""
        # https://docs.slack.dev/reference/methods/auth.test; every answer has the scopes in a header:
        # https://docs.slack.dev/authentication/installing-with-oauth
        answer = yield from self._read("auth.test", {})
        listed = answer.headers.get("x-oauth-scopes", "")
        scopes = frozenset(listed.replace(",", " ").split()) if listed else None
        return Identity(text_at(answer, "team"), excerpt(field_of(answer, "team_id")), scopes)

    def channel(self, channel: str) -> Flow[FoundChannel | None]:
        """A channel given by name or id, e.g. `C123456789`; None if this cannot be known.

        It cannot for direct messages, and if the workspace has more channels than are read. Raises WrongTarget if
        the token sees no such channel or it is archived, and MissingScope.
        """
        if PERSON.fullmatch(channel):
            return None
        found: FoundChannel | bool | None
        if CHANNEL_ID.fullmatch(channel):
            # https://docs.slack.dev/reference/methods/conversations.info
            answer = yield from self._read("conversations.info", {"channel": channel}, channel)
            found = _channel(field_of(answer, "channel"))
        else:
            found = yield from self._by_name(channel.lstrip("#"))
        if isinstance(found, FoundChannel) or found is None:
            return found
        raise WrongTarget(
            f"Channel not found: the bot cannot see channel {channel} in Slack. Choose another, or invite the bot."
        )

    def post(self, channel: str, payload: dict[str, Any]) -> Flow[None]:
        """Posts a message with the token. Raises what the refusal means, e.g. WrongTarget for an unknown channel."""
        # https://docs.slack.dev/reference/methods/chat.postMessage
        url = f"{self.api_url}/api/chat.postMessage"
        response = yield Request.json("POST", url, {"channel": channel, **payload}, self._headers())
        if error := api_error(response, "chat.postMessage", channel):
            raise error

    def _by_name(self, name: str) -> Flow[FoundChannel | bool | None]:
        query = {"exclude_archived": "true", "limit": str(CHANNELS_A_PAGE), "types": "public_channel,private_channel"}
        for _ in range(MAX_CHANNEL_PAGES):
            # https://docs.slack.dev/reference/methods/conversations.list
            page = yield from self._read("conversations.list", query)
            for found in objects_at(page, "channels"):
                if name in (found.get("id"), found.get("name")):
                    return _channel(found)
            cursor = excerpt(field_of(page, "response_metadata", "next_cursor"))
            if not cursor:
                return False
            query["cursor"] = cursor
        return None

    def _read(self, method: str, query: dict[str, str], channel: str = "") -> Flow[Response]:
        response = yield Request("GET", f"{self.api_url}/api/{method}?{urlencode(query)}", self._headers())
        if error := api_error(response, method, channel):
            raise error
        return response

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def _channel(found: Any) -> FoundChannel | bool:
    if not isinstance(found, dict) or not excerpt(found.get("id")):
        return False
    if found.get("is_archived") is True:
        raise WrongTarget(
            f"Channel {excerpt(found.get('name'))} is archived in Slack: unarchive it, or choose another."
        )
    # An answer that does not say it counts as yes: posting says it.
    return FoundChannel(excerpt(found.get("id")), excerpt(found.get("name")), found.get("is_member") is not False)

"""What a bot token can look up for the connection test: the workspace's name, and the channel. Pure."""

import re
from urllib.parse import urlencode

from ...core.answers import excerpt, field_of, objects_at, retry_after, text_at
from ...core.errors import AuthFailed, ConnectionFailed, RateLimited, Rejected
from ...core.http import Flow, Request, Response

# https://docs.slack.dev/reference/methods/auth.test#errors
TOKEN_ERRORS = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "no_permission"}
CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,}")
CHANNELS_A_PAGE = 40  # an answer of more may be longer than what is read of it
MAX_CHANNEL_PAGES = 10
RATE_LIMIT_WAIT_SECONDS = 1.0  # if Slack does not say how long


class MissingScope(AuthFailed):
    """The token is valid and may not do this."""


class Workspace:
    """A workspace as a token sees it. `api_url` is the origin of Slack's API, e.g. `https://slack.com`.

    `sees_private` says that the token should have the scope `groups:read` too, and not `channels:read` alone.
    """

    def __init__(self, api_url: str, token: str, *, sees_private: bool) -> None:
        self.api_url, self.token, self.sees_private = api_url, token, sees_private

    def identity(self) -> Flow[tuple[str, str]]:
        """The name and the id of the workspace, e.g. `("Invenicum Team", "T00000000")`. Needs no scope."""
        # https://docs.slack.dev/reference/methods/auth.test
        answer = yield from self._call("auth.test", {})
        return text_at(answer, "team"), excerpt(field_of(answer, "team_id"))

    def channel_id(self, channel: str) -> Flow[str | None]:
        """The id of a channel given by name or id, e.g. `C123456789`; None if this cannot be known.

        It cannot for direct messages, and if the workspace has more channels than are read. Raises Rejected if the
        token sees no such channel, and MissingScope.
        """
        found: str | None
        if CHANNEL_ID.fullmatch(channel):
            found = yield from self._by_id(channel)
        elif channel.startswith("@") or re.fullmatch(r"[DU][A-Z0-9]{6,}", channel):
            return None
        else:
            found = yield from self._by_name(channel.lstrip("#"))
        if found == "":
            raise Rejected(f"Channel not found: the bot cannot see channel {channel} in Slack.")
        return found

    def _by_id(self, channel: str) -> Flow[str]:
        # https://docs.slack.dev/reference/methods/conversations.info
        try:
            answer = yield from self._call("conversations.info", {"channel": channel})
        except _ChannelNotFound:
            return ""
        return excerpt(field_of(answer, "channel", "id"))

    def _by_name(self, name: str) -> Flow[str | None]:
        types = "public_channel,private_channel" if self.sees_private else "public_channel"
        query = {"exclude_archived": "true", "limit": str(CHANNELS_A_PAGE), "types": types}
        for _ in range(MAX_CHANNEL_PAGES):
            # https://docs.slack.dev/reference/methods/conversations.list
            page = yield from self._call("conversations.list", query)
            for found in objects_at(page, "channels"):
                if name in (found.get("id"), found.get("name")):
                    return excerpt(found.get("id"))
            cursor = excerpt(field_of(page, "response_metadata", "next_cursor"))
            if not cursor:
                return ""
            query["cursor"] = cursor
        return None

    def _call(self, method: str, query: dict[str, str]) -> Flow[Response]:
        url = f"{self.api_url}/api/{method}?{urlencode(query)}"
        response = yield Request("GET", url, {"Authorization": f"Bearer {self.token}"})
        if response.status == 429:
            raise RateLimited("Slack asks to slow down.", retry_after=retry_after(response) or RATE_LIMIT_WAIT_SECONDS)
        if not response.ok:
            raise ConnectionFailed(f"Slack answered HTTP {response.status} to {method}.")
        error = excerpt(field_of(response, "error"))
        if field_of(response, "ok") is True:
            return response
        if error == "missing_scope":
            raise MissingScope(f"The bot token lacks the scope {excerpt(field_of(response, 'needed'))}.")
        if error in TOKEN_ERRORS:
            raise AuthFailed(f"Slack refused the bot token ({error}).")
        if error == "channel_not_found":
            raise _ChannelNotFound(f"Slack answered {error} to {method}.")
        raise ConnectionFailed(f"Slack answered {error or 'something odd'} to {method}.")


class _ChannelNotFound(ConnectionFailed):
    """The token sees no channel of this id."""

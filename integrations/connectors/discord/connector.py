import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

from pydantic import Field

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS
from invenicum.version import VERSION

from ...core.answers import field_of
from ...core.config import ConnectorConfig
from ...core.connector import Category, Connector, TestResult
from ...core.errors import InvalidConfig
from ...core.fields import HttpsUrl, reveal
from ...core.http import Flow, Request
from ...core.markers import AssetEvents, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.chat import CHAT_SENDS, Notice, notice_for
from .errors import THREAD_NEEDED, code_of, error_of, pause_after
from .fields import WEBHOOK_PATH, ApplicationId, PublicKey, TagId, ThreadId, ThreadName, Username, WebhookUrl
from .inbound import DiscordInbound
from .message import discord_message

# https://discord.com/developers/docs/reference#user-agent
HEADERS = {"User-Agent": f"DiscordBot (https://invenicum.com, {VERSION})"}
MAX_THREAD_NAME_LENGTH = 100


class Discord(Connector):
    type = "discord"
    name = "Discord"
    category = Category.COMMUNICATION
    description = "Posts a message to a channel when an asset changes."
    setup: ClassVar[str] = """\
1. In Discord, open *Channel settings → Integrations → Webhooks*, create a webhook and copy its address. Or connect
   with OAuth and choose the channel there.
2. For a thread, give its id as `threadId`, or paste the address with `?thread_id=…`. Discord reopens an archived thread
   by itself, but not a locked one.
3. In a forum or a media channel every message belongs to a post. With `threadName` each event starts one, for example
   `{name}`, with the tags of `appliedTags` (their ids; at most five); or give the `threadId` of one post for all.

The webhook that connecting with OAuth made is deleted in Discord when the integration is deleted here, or connected
again. Messages are posted by the webhook alone: they go on if Discord ends the account's tokens. Discord does not tell
which of its users connected, and ends all tokens of a user at once: they are revoked when no other connection is left.
"""
    sends = CHAT_SENDS
    oauth = OAuthSpec(
        "https://discord.com/oauth2/authorize",
        "https://discord.com/api/oauth2/token",
        scopes=("webhook.incoming",),
        revoke_url="https://discord.com/api/oauth2/token/revoke",
        token_auth="basic",  # noqa: S106
        fills={"webhookUrl": "webhook.url"},
        account="webhook.name",
        # The name is the app's own, for everybody: https://discord.com/developers/docs/topics/oauth2#webhooks
        account_key=("webhook.guild_id", "webhook.id"),
        # Revoking one token ends all of that user's, whom the answer does not name:
        # https://discord.com/developers/docs/topics/oauth2#authorization-code-grant-token-revocation-example
        revokes_account=True,
        tells_account=False,
        delivery_use="none",
        makes_target=True,
    )
    concurrency = 1  # https://discord.com/developers/docs/topics/rate-limits: five in two seconds a webhook

    class Config(ConnectorConfig):
        webhook_url: Annotated[WebhookUrl | None, SentTo(), OAuthReplaces()] = None
        username: Username | None = None
        avatar_url: Annotated[HttpsUrl | None, Field(examples=["https://cdn.invenicum.com/logo.png"])] = None
        thread_id: ThreadId | None = None
        thread_name: ThreadName | None = None
        applied_tags: Annotated[list[TagId], Field(max_length=5)] | None = None
        application_id: ApplicationId | None = None
        public_key: PublicKey | None = None
        events: AssetEvents = list(ASSET_EVENTS)

    def test(self, config: Config) -> Flow[TestResult]:
        response = yield Request("GET", self._url(config), HEADERS)
        if not response.ok:
            raise error_of(response)
        names = {"webhookName": "name", "channelId": "channel_id", "guildId": "guild_id"}
        metadata = {ours: field_of(response, theirs) for ours, theirs in names.items()}
        response.json_object()
        # An empty message is never posted, and its refusal may say that the channel is a forum or the thread unknown.
        probed = yield Request.json("POST", self._execute_url(config), {}, HEADERS)
        is_forum = code_of(probed) == THREAD_NEEDED
        error = None if probed.ok else error_of(probed)
        if isinstance(error, InvalidConfig) and not (is_forum and config.thread_name):
            raise error
        return TestResult(f"Successfully connected to Discord webhook {metadata['webhookName']}", metadata)

    def deliver(self, message: Message, config: Config, now: int) -> Flow[float | None]:
        notice = notice_for(message)
        own = {"username": config.username, "avatar_url": config.avatar_url, **self._thread(config, notice)}
        payload = {key: value for key, value in own.items() if value} | discord_message(notice, message.name)
        response = yield Request.json("POST", self._execute_url(config), payload, HEADERS)
        if not response.ok:
            raise error_of(response)
        if response.status != 204:
            response.json_object()  # a proxy's page may have status 200 too
        return pause_after(response)

    def on_delete(self, config: Config, state: Mapping[str, Any]) -> Flow[None]:
        if config.access_token is None:
            return  # the webhook is the user's own
        # https://discord.com/developers/docs/resources/webhook#delete-webhook-with-token
        response = yield Request("DELETE", self._url(config), HEADERS)
        if not response.ok and response.status not in (401, 404):
            raise error_of(response)

    inbound = DiscordInbound()

    def _thread(self, config: Config, notice: Notice) -> dict[str, Any]:
        """Starts a post, unless the message goes to one: https://discord.com/developers/docs/resources/webhook"""
        if config.thread_name is None or self._thread_id(config):
            return {}
        parts = {"{name}": notice.subject or notice.title, "{event}": notice.title}
        name = re.sub(r"{(?:name|event)}", lambda found: parts[found[0]], config.thread_name)
        return {"thread_name": name[:MAX_THREAD_NAME_LENGTH], "applied_tags": config.applied_tags}

    def _thread_id(self, config: Config) -> str | None:
        return config.thread_id or _parts(config)["thread"]

    def _execute_url(self, config: Config) -> str:
        # Without `wait`, Discord answers before it has checked the message.
        thread_id = self._thread_id(config)
        return f"{self._url(config)}?{urlencode({'wait': 'true', **({'thread_id': thread_id} if thread_id else {})})}"

    def _url(self, config: Config) -> str:
        found = _parts(config)
        return f"{self.endpoint('apiUrl', 'https://discord.com')}/api/v10/webhooks/{found['id']}/{found['token']}"


def _parts(config: Discord.Config) -> dict[str, str | None]:
    found = WEBHOOK_PATH.search(reveal(config.webhook_url))
    assert found is not None  # the field's pattern requires it
    return found.groupdict()

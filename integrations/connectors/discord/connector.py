import re
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS
from invenicum.version import VERSION

from ...core.answers import error_for, excerpt, field_of, retry_after
from ...core.config import ConnectorConfig
from ...core.connector import Category, Connector, TestResult
from ...core.errors import AuthFailed, Gone, IntegrationError, InvalidConfig, RateLimited, Rejected, bounded_wait
from ...core.fields import HttpsUrl, reveal
from ...core.http import Flow, Request, Response
from ...core.markers import AssetEvents, Matches, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.chat import CHAT_SENDS, notice_for
from .inbound import DiscordInbound
from .message import discord_message

WEBHOOK_PATH = re.compile(r"/webhooks/(?P<id>\d{17,20})/(?P<token>[A-Za-z0-9_-]{60,120})/?$")
WebhookUrl = Annotated[
    SecretStr,
    Matches(
        r"^https://(?:(?:canary|ptb)\.)?discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{17,20}/[A-Za-z0-9_-]{60,120}/?$",
        "the address of a Discord webhook",
        "https://discord.com/api/webhooks/347114750880120863"
        "/kKDdjXa1g9tKNs0-_yOwLyALC9gydEWP6gr9sHabuK1vuofjhQDDnlOclJeRIvYK-pj_",
    ),
]
# https://discord.com/developers/docs/resources/webhook#create-webhook
Username = Annotated[
    str,
    Matches(
        r"^(?!.*(?:[cC][lL][yY][dD][eE]|[dD][iI][sS][cC][oO][rR][dD])).{1,80}$",
        "1 to 80 characters without the words clyde and discord",
        "Invenicum Bot",
    ),
]
ApplicationId = Annotated[str, Matches(r"^\d{17,20}$", "the id of your Discord application", "1234567890123456789")]
PublicKey = Annotated[
    str, Matches(r"^[0-9a-f]{64}$", "the public key of your Discord application, 64 hexadecimal digits", "0f" * 32)
]
ThreadId = Annotated[str, Matches(r"^\d{17,20}$", "the id of a thread", "1234567890123456789")]

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
UNKNOWN_CHANNEL, UNKNOWN_WEBHOOK, INVALID_TOKEN, THREAD_NEEDED = 10003, 10015, 50027, 220001
# https://discord.com/developers/docs/reference#user-agent
HEADERS = {"User-Agent": f"DiscordBot (https://invenicum.com, {VERSION})"}


class Discord(Connector):
    type = "discord"
    name = "Discord"
    category = Category.COMMUNICATION
    description = "Posts a message to a channel when an asset changes."
    setup: ClassVar[str] = """\
1. In Discord, open *Channel settings → Integrations → Webhooks*, create a webhook and copy its address. Or connect
   with OAuth and choose the channel there.
2. For a forum or a thread, give the thread's id as `threadId`.
"""
    sends = CHAT_SENDS
    oauth = OAuthSpec(
        "https://discord.com/oauth2/authorize",
        "https://discord.com/api/oauth2/token",
        scopes=("webhook.incoming",),
        revoke_url="https://discord.com/api/oauth2/token/revoke",
        token_auth="basic",  # noqa: S106
        rotates=True,
        fills={"webhookUrl": "webhook.url"},
        account="webhook.name",
    )
    concurrency = 1  # https://discord.com/developers/docs/topics/rate-limits: five in two seconds a webhook

    class Config(ConnectorConfig):
        webhook_url: Annotated[WebhookUrl | None, SentTo(), OAuthReplaces()] = None
        username: Username | None = None
        avatar_url: Annotated[HttpsUrl | None, Field(examples=["https://cdn.invenicum.com/logo.png"])] = None
        thread_id: ThreadId | None = None
        application_id: ApplicationId | None = None
        public_key: PublicKey | None = None
        events: AssetEvents = list(ASSET_EVENTS)

    def test(self, config: Config) -> Flow[TestResult]:
        response = yield Request("GET", self._url(config), HEADERS)
        if not response.ok:
            raise _error(response)
        names = {"webhookName": "name", "channelId": "channel_id", "guildId": "guild_id"}
        metadata = {ours: field_of(response, theirs) for ours, theirs in names.items()}
        response.json_object()
        return TestResult(f"Successfully connected to Discord webhook {metadata['webhookName']}", metadata)

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        own = {"username": config.username, "avatar_url": config.avatar_url}
        payload = {key: value for key, value in own.items() if value} | discord_message(
            notice_for(message), message.name
        )
        # Without `wait`, Discord answers before it has checked the message.
        query = {"wait": "true", **({"thread_id": config.thread_id} if config.thread_id else {})}
        response = yield Request.json("POST", f"{self._url(config)}?{urlencode(query)}", payload, HEADERS)
        if not response.ok:
            raise _error(response)
        if response.status != 204:
            response.json_object()  # a proxy's page may have status 200 too

    inbound = DiscordInbound()

    def _url(self, config: Config) -> str:
        found = WEBHOOK_PATH.search(reveal(config.webhook_url))
        assert found is not None  # the field's pattern requires it
        return f"{self.endpoint('apiUrl', 'https://discord.com')}/api/v10/webhooks/{found['id']}/{found['token']}"


def _error(response: Response) -> IntegrationError:
    status, code, said = response.status, field_of(response, "code"), excerpt(field_of(response, "message"))
    if status == 429:
        wait = bounded_wait(field_of(response, "retry_after"))
        return RateLimited("Discord asks to slow down.", retry_after=retry_after(response) if wait is None else wait)
    if code == UNKNOWN_WEBHOOK:
        return Gone("Invalid webhook URL: the webhook was deleted in Discord. Create a new one.")
    if code in (UNKNOWN_CHANNEL, THREAD_NEEDED):
        return InvalidConfig(f"Discord cannot post to this thread ({said}).", {"threadId": ["is not a thread there"]})
    if status in (401, 403) or code == INVALID_TOKEN:
        return AuthFailed("Discord refused the webhook's address: copy it again from the channel's settings.")
    if status == 404:
        return InvalidConfig("Discord does not know this webhook.", {"webhookUrl": ["does not exist"]})
    if status == 400:
        return Rejected(f"Discord refused the message ({said}).")
    return error_for(response, "Discord", said)

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_DELETED, ASSET_EVENTS
from invenicum.version import VERSION

from ..core.answers import error_for, excerpt, field_of, retry_after
from ..core.config import AssetEvents, ConnectorConfig, Destination, Matches, OAuthReplaces
from ..core.connector import Category, Connector, TestResult
from ..core.errors import AuthFailed, Gone, IntegrationError, InvalidConfig, RateLimited, Rejected
from ..core.fields import HttpsUrl
from ..core.http import Flow, Request, Response
from ..core.inbound import Happening, Inbound, InboundRequest, Reply, Unreadable, text_in
from ..core.oauth import OAuthSpec
from ..families.chat import CHAT_SENDS, Notice, fitting, notice_for

WEBHOOK = re.compile(r"/webhooks/(?P<id>\d{17,20})/(?P<token>[A-Za-z0-9_-]{60,120})/?$")
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
BLUE, GREY = 0x3B82F6, 0x6B7280
MAX_TITLE = 256


class DiscordInbound(Inbound):
    """https://discord.com/developers/docs/events/webhook-events"""

    setup = """\
1. Save the *Application ID* and the *Public Key* of your Discord application as `applicationId` and `publicKey`.
2. Then give this address under *Webhooks → Endpoint* of the application, and choose the events.

An event is published by the name that Discord gives it: `discord.application_authorized`.
"""
    accepted = Reply(204)

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (config.application_id or "",)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        return (text_in(request.payload, "application_id"),)

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        # https://discord.com/developers/docs/interactions/overview#validating-security-request-headers
        signed = request.header("x-signature-timestamp").encode() + request.body
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(config.public_key or ""))
            key.verify(bytes.fromhex(request.header("x-signature-ed25519")), signed)
        except (ValueError, InvalidSignature):
            return False
        return True

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> Happening | Reply:
        event, kind = request.payload.get("event"), request.payload.get("type")
        if kind == 0:  # is somebody there?
            return Reply(204)
        if kind == 1 and not event:  # the same of an address for interactions
            return Reply(body=json.dumps({"type": 1}).encode(), content_type="application/json")
        if not isinstance(event, Mapping):
            raise Unreadable("Only webhook events are understood here, no interactions.")
        # An event has no id. Its body has the moment of the event, so that a repetition has the same digest.
        return Happening(text_in(event, "type") or "event", request.digest, request.payload)


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
        webhook_url: Annotated[WebhookUrl | None, Destination(), OAuthReplaces()] = None
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
        # Without `wait`, Discord answers before it has looked at the message.
        query = {"wait": "true", **({"thread_id": config.thread_id} if config.thread_id else {})}
        response = yield Request.json("POST", f"{self._url(config)}?{urlencode(query)}", payload, HEADERS)
        if not response.ok:
            raise _error(response)
        if response.status != 204:
            response.json_object()  # a page of somebody else's proxy says 200 too

    inbound = DiscordInbound()

    def _url(self, config: Config) -> str:
        found = WEBHOOK.search(config.webhook_url.get_secret_value() if config.webhook_url else "")
        assert found is not None  # the pattern of the field says so
        return f"{self.endpoint('apiUrl', 'https://discord.com')}/api/v10/webhooks/{found['id']}/{found['token']}"


# https://discord.com/developers/docs/reference#user-agent
HEADERS = {"User-Agent": f"DiscordBot (https://invenicum.com, {VERSION})"}


def discord_message(notice: Notice, event: str) -> dict[str, Any]:
    """One embed: https://discord.com/developers/docs/resources/message#embed-object-embed-limits"""
    lines = (f"**{escape(c.label)}:** {escape(c.old)} → {escape(c.new)}" for c in notice.changes)
    # A label is of letters and digits alone.
    fields = [{"name": name[:80], "value": escape(value), "inline": True} for name, value in notice.facts]
    embed: dict[str, Any] = {
        "author": {"name": notice.title},
        "title": _title(notice.subject),
        "url": notice.link,
        "description": fitting(lines, 1000 if fields else 2000),  # all in all an embed may have 6000 characters
        "fields": fields,
        "color": GREY if event == ASSET_DELETED else BLUE,
        "timestamp": notice.occurred_at.isoformat(),
    }
    if notice.actor:
        embed["footer"] = {"text": f"By {notice.actor}"}
    # Whatever a name says, nobody is pinged.
    return {"embeds": [{key: value for key, value in embed.items() if value}], "allowed_mentions": {"parse": []}}


def _title(subject: str) -> str:
    """Within Discord's limit, which counts the escapes too."""
    title = escape(subject)
    return title if len(title) <= MAX_TITLE else escape(subject[: MAX_TITLE // 2 - 1]) + "…"


def escape(text: str) -> str:
    """So that no name is a mention, a link or a format: https://discord.com/developers/docs/reference#message-formatting"""
    return re.sub(r"([\\*_~`|>#\[\]()<@:-])", r"\\\1", text)


def _error(response: Response) -> IntegrationError:
    status, code, said = response.status, field_of(response, "code"), excerpt(field_of(response, "message"))
    if status == 429:
        wait = field_of(response, "retry_after")
        seconds = float(wait) if isinstance(wait, int | float) else retry_after(response)
        return RateLimited("Discord asks to slow down.", retry_after=seconds)
    if code == UNKNOWN_WEBHOOK:
        return Gone("Invalid webhook URL: the webhook was deleted in Discord. Create a new one.")
    if code in (UNKNOWN_CHANNEL, THREAD_NEEDED):
        return InvalidConfig(f"Discord cannot post to this thread ({said}).", {"threadId": ["is not a thread there"]})
    if status in (401, 403) or code == INVALID_TOKEN:
        return AuthFailed("Discord refused the webhook's address: copy it again from the channel's settings.")
    if status == 404:
        return InvalidConfig("Discord knows no such webhook.", {"webhookUrl": ["does not exist"]})
    if status == 400:
        return Rejected(f"Discord refused the message ({said}).")
    return error_for(response, "Discord", said)

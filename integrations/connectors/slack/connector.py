from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.answers import error_for, excerpt, retry_after
from ...core.config import ConnectorConfig
from ...core.connector import Category, Connector, TestResult
from ...core.errors import AuthFailed, ConnectionFailed, Gone, IntegrationError, InvalidConfig, RateLimited, Rejected
from ...core.fields import reveal
from ...core.http import Flow, Request, Response
from ...core.markers import AssetEvents, Matches, NeverSent, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.chat import CHAT_SENDS, notice_for
from .inbound import SlackInbound
from .message import slack_message
from .workspace import RATE_LIMIT_WAIT_SECONDS, MissingScope, Workspace

WebhookUrl = Annotated[
    SecretStr,
    Matches(
        r"^https://hooks\.slack(?:-gov)?\.com/services/T[A-Z0-9]{2,}/[A-Z][A-Z0-9]{2,}/[A-Za-z0-9]{16,64}$",
        "the address of a Slack incoming webhook",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX",
    ),
]
Channel = Annotated[
    str,
    Matches(
        r"^(?:[#@]?[^\s#@,A-Z]{1,80}|[CGDU][A-Z0-9]{6,})$",
        "the name of a channel in lower case, or its id",
        "#asset-updates",
    ),
]
Username = Annotated[str, Matches(r"^.{1,80}$", "1 to 80 characters", "Invenicum Bot")]
IconEmoji = Annotated[
    str, Matches(r"^:[^\s:]{1,100}(?:::skin-tone-[2-6])?:$", "the name of an emoji between colons", ":package:")
]
BotToken = Annotated[
    SecretStr, Matches(r"^(?:xoxe\.)?xox[bp]-[A-Za-z0-9-]{10,}$", "a bot token", "xoxb-000000000000-example")
]
SigningSecret = Annotated[
    SecretStr, Matches(r"^[0-9a-f]{32}$", "32 hexadecimal digits", "8f742231b10e8888abcd99aaabbb85a5")
]

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling-errors
PAYLOAD_ERRORS = {"invalid_payload", "no_text", "missing_text_or_fallback_or_attachments"}
DEAD_WEBHOOK_ERRORS = {"no_service", "no_service_id", "no_team", "team_disabled", "channel_is_archived"}
FORBIDDEN_ERRORS = {"action_prohibited", "posting_to_general_channel_denied", "invalid_token", "no_active_hooks"}
_UNCHECKED = "Whether it posts to {} could not be checked: that takes a bot token that sees the channel"


class Slack(Connector):
    type = "slack"
    name = "Slack"
    category = Category.COMMUNICATION
    description = "Posts a message to a channel when an asset changes."
    setup: ClassVar[str] = """\
1. On api.slack.com/apps, create an app for your workspace and turn on *Incoming Webhooks*.
2. *Add New Webhook to Workspace*, choose the channel, and paste the webhook's address here. Or connect with OAuth.
3. Optional: a bot token with the scopes `channels:read` and `groups:read` lets the connection test name the team and
   find the channel. Without one the test proves that the address works, and says that the channel was not checked. An
   account connected with OAuth needs none for public channels.
"""
    sends = CHAT_SENDS
    oauth = OAuthSpec(
        "https://slack.com/oauth/v2/authorize",
        "https://slack.com/api/oauth.v2.access",
        # `channels:read` lets the connection test find the channel: conversations.list and conversations.info need it.
        scopes=("incoming-webhook", "channels:read"),
        identity_url="https://slack.com/api/auth.test",
        identity_field="team",
        revoke_url="https://slack.com/api/auth.revoke",
        # Slack accepts PKCE only from apps marked public, a setting that cannot be undone.
        pkce=None,
        token_auth="basic",  # noqa: S106
        scope_separator=",",
        refreshes=False,
        fills={"webhookUrl": "incoming_webhook.url", "channel": "incoming_webhook.channel"},
        # https://docs.slack.dev/reference/methods/oauth.v2.access
        account="team.name",
        tokens_at="authed_user",
        refusals=("invalid_grant", "invalid_refresh_token", "token_revoked"),
        revocation="bearer",
    )
    concurrency = 1  # https://docs.slack.dev/apis/web-api/rate-limits: one message a second and channel

    class Config(ConnectorConfig):
        webhook_url: Annotated[WebhookUrl | None, SentTo(), OAuthReplaces()] = None
        channel: Channel
        username: Username | None = None
        icon_emoji: IconEmoji | None = None
        # It belongs to the workspace that the address is of.
        bot_token: Annotated[BotToken | None, SentTo("webhook_url")] = None
        signing_secret: Annotated[SigningSecret | None, NeverSent()] = None
        events: AssetEvents = list(ASSET_EVENTS)

    def test(self, config: Config) -> Flow[TestResult]:
        # Slack checks the address before the payload: an invalid payload proves the address and posts nothing.
        response = yield Request("POST", self._webhook_url(config), {"Content-Type": "application/json"}, b"{")
        if not (response.status == 400 and response.text.strip() in PAYLOAD_ERRORS):
            raise _error(response)
        token = reveal(config.bot_token or config.access_token)
        team_id = urlsplit(self._webhook_url(config)).path.split("/")[2]
        if not token:
            return TestResult(f"The webhook's address works. {_UNCHECKED.format(config.channel)}.", {"teamId": team_id})
        workspace = Workspace(
            self.endpoint("apiUrl", "https://slack.com"), token, sees_private=config.bot_token is not None
        )
        team_name, token_team_id = yield from workspace.identity()
        # The token of an organisation has the organisation's id, which begins with E.
        if token_team_id.startswith("T") and token_team_id != team_id:
            raise InvalidConfig(
                f"The bot token belongs to the workspace {team_name}, and the webhook's address to another one.",
                {"botToken" if config.bot_token else "webhookUrl": [f"is not of the workspace {team_name}"]},
            )
        channel_id = yield from self._channel_id(workspace, config)
        if channel_id is None:
            unchecked = f"The webhook's address of {team_name} works. {_UNCHECKED.format(config.channel)}."
            return TestResult(unchecked, {"teamName": team_name})
        metadata = {"teamName": team_name, "channelId": channel_id}
        return TestResult(f"Successfully connected to Slack channel {config.channel}", metadata)

    def _channel_id(self, workspace: Workspace, config: Config) -> Flow[str | None]:
        try:
            return (yield from workspace.channel_id(config.channel))
        except (MissingScope, Rejected):
            # The token of an OAuth connection is not meant to see private channels, and Slack's consent page chose one.
            if config.bot_token:
                raise
            return None

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        own = {"channel": config.channel, "username": config.username, "icon_emoji": config.icon_emoji}
        payload = {key: value for key, value in own.items() if value} | slack_message(notice_for(message))
        response = yield Request.json("POST", self._webhook_url(config), payload)
        # Slack answers `ok` in the body: a proxy's page may have status 200 too.
        if response.status != 200 or response.text.strip() != "ok":
            raise _error(response)

    inbound = SlackInbound()

    def _webhook_url(self, config: Config) -> str:
        return self.relocated(reveal(config.webhook_url))


def _error(response: Response) -> IntegrationError:
    said = excerpt(response.text, 60) if len(response.body) < 100 else ""
    if said in DEAD_WEBHOOK_ERRORS or response.status == 410:
        return Gone(f"Invalid webhook URL or channel not found ({said}): create a new incoming webhook in Slack.")
    if said in FORBIDDEN_ERRORS or response.status == 403:
        return AuthFailed(f"Slack does not let this webhook post to the channel ({said}): ask the workspace's admin.")
    if response.status == 404:
        return Rejected(f"Invalid webhook URL or channel not found ({said}).")
    if response.status == 429:
        return RateLimited("Slack asks to slow down.", retry_after=retry_after(response) or RATE_LIMIT_WAIT_SECONDS)
    if response.status == 400:
        return Rejected(f"Slack refused the message ({said}).")
    if response.ok:
        return ConnectionFailed(f"Slack answered something other than ok ({said}): is a proxy in between?")
    return error_for(response, "Slack", said)

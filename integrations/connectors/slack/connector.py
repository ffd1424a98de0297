from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.config import ConnectorConfig
from ...core.connector import Category, Connector, TestResult
from ...core.errors import AuthFailed, InvalidConfig
from ...core.fields import reveal
from ...core.http import Flow, Request
from ...core.markers import AssetEvents, NeverSent, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.chat import CHAT_SENDS, notice_for
from .errors import PAYLOAD_ERRORS, MissingScope, WrongTarget, webhook_error
from .fields import BotToken, Channel, IconEmoji, SigningSecret, Username, WebhookChannel, WebhookUrl
from .inbound import SlackInbound
from .message import slack_message
from .workspace import FoundChannel, Identity, Workspace

# What a webhook cannot do: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
FIXED = "A webhook of an app posts to its own channel, under the app's name and icon: to choose them, give a bot token"
_UNCHECKED = "Whether it posts to {} could not be checked: that takes a bot token that sees the channel"


class Slack(Connector):
    type = "slack"
    name = "Slack"
    category = Category.COMMUNICATION
    description = "Posts a message to a channel when an asset changes."
    setup: ClassVar[str] = """\
1. Connect with OAuth and choose the channel in Slack. Or, on api.slack.com/apps, create an app for your workspace and
   turn on *Incoming Webhooks*.
2. *Add New Webhook to Workspace*, choose the channel, and paste the webhook's address here.
3. Optional: a bot token with the scopes `chat:write`, `chat:write.public` and `chat:write.customize` posts to the
   `channel` of your choice, under `username` and `iconEmoji`. `channels:read` and `groups:read` let the connection test
   find the channel. Invite the bot to private channels.

A webhook of an app always posts to the channel that it was made for, under the app's name and icon; only webhooks of
the retired kind (*Custom Integrations*) heed `channel`, `username` and `iconEmoji`. So without a token that has
`chat:write` these have no effect, and the connection test says so. A connection with OAuth has such a token: it posts
by the webhook until you choose something else here than in Slack, and goes on by the webhook if the token is refused.

All connections to a workspace share one bot token, which is revoked when the last of them is deleted. The webhook
itself stays listed in Slack, under the app's configuration, until it is removed there.
"""
    sends = CHAT_SENDS
    oauth = OAuthSpec(
        "https://slack.com/oauth/v2/authorize",
        "https://slack.com/api/oauth.v2.access",
        # `chat:write…` post to another channel than the webhook's, or under another name; `…:read` find channels.
        scopes=(
            *("incoming-webhook", "chat:write", "chat:write.public", "chat:write.customize"),
            *("channels:read", "groups:read"),
        ),
        # Of the events that setup names: https://docs.slack.dev/reference/events
        inbound_scopes=("channels:history", "groups:history", "im:history", "reactions:read", "app_mentions:read"),
        identity_url="https://slack.com/api/auth.test",
        identity_field="team",
        revoke_url="https://slack.com/api/auth.revoke",
        # Slack accepts PKCE only from apps marked public, a setting that cannot be undone.
        pkce=None,
        token_auth="basic",  # noqa: S106
        scope_separator=",",
        refreshes=False,
        # By its id: the name may be a person's, and changes. https://docs.slack.dev/reference/methods/oauth.v2.access
        fills={
            "webhookUrl": "incoming_webhook.url",
            "channel": "incoming_webhook.channel_id",
            "webhookChannel": "incoming_webhook.channel_id",
        },
        fills_only_connected=("webhookChannel",),
        account="team.name",
        app_id="app_id",
        # A workspace has one bot token of an app: who connects it again is given the same one.
        # https://docs.slack.dev/authentication/tokens#bot and https://docs.slack.dev/reference/methods/auth.revoke
        account_key=("team.id",),
        revokes_account=True,
        tokens_at="authed_user",
        refusals=("invalid_grant", "invalid_refresh_token", "token_revoked"),
        revocation="bearer",
        delivery_use="optional",
    )
    concurrency = 1  # https://docs.slack.dev/apis/web-api/rate-limits: one message a second and channel

    class Config(ConnectorConfig):
        webhook_url: Annotated[WebhookUrl | None, SentTo(), OAuthReplaces()] = None
        channel: Channel
        # Filled in by OAuth: as long as `channel` is the same, the webhook does.
        webhook_channel: WebhookChannel | None = None
        username: Username | None = None
        icon_emoji: IconEmoji | None = None
        # It belongs to the workspace that the address is of.
        bot_token: Annotated[BotToken | None, SentTo("webhook_url")] = None
        signing_secret: Annotated[SigningSecret | None, NeverSent()] = None
        events: AssetEvents = list(ASSET_EVENTS)

    def test(self, config: Config) -> Flow[TestResult]:
        if config.webhook_url:
            # Slack checks the address before the payload: an invalid payload proves the address and posts nothing.
            response = yield Request("POST", self._webhook_url(config), {"Content-Type": "application/json"}, b"{")
            if not (response.status == 400 and response.text.strip() in PAYLOAD_ERRORS):
                raise webhook_error(response, config.channel)
        team_id = urlsplit(self._webhook_url(config)).path.split("/")[2] if config.webhook_url else ""
        workspace = self._workspace(config)
        if workspace is None:
            unchecked = f"The webhook's address works. {_UNCHECKED.format(config.channel)}. {FIXED}."
            return TestResult(unchecked, {"teamId": team_id})
        identity = yield from workspace.identity()
        # The token of an organisation has the organisation's id, which begins with E.
        if team_id and identity.team_id.startswith("T") and identity.team_id != team_id:
            raise InvalidConfig(
                f"The bot token belongs to the workspace {identity.team_name}, and the webhook's address to another.",
                {"botToken" if config.bot_token else "webhookUrl": [f"is not of the workspace {identity.team_name}"]},
            )
        channel = yield from self._channel(workspace, config)
        if channel and self._needs_token(config) and not identity.lacks("chat:write"):
            _check_membership(channel, identity, config.channel)
        return _result(config, identity, channel)

    def _channel(self, workspace: Workspace, config: Config) -> Flow[FoundChannel | None]:
        found = None
        try:
            found = yield from workspace.channel(config.channel)
        except WrongTarget:
            # The token of an OAuth connection need not see private channels, and Slack's consent page chose one.
            if config.bot_token or self._needs_token(config):
                raise
        if found is None and config.webhook_channel == config.channel:
            return FoundChannel(config.channel, "", is_member=True)
        return found

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        payload = slack_message(notice_for(message))
        own = {key: value for key, value in _own(config).items() if value}
        if (workspace := self._workspace(config)) and self._needs_token(config):
            try:
                return (yield from workspace.post(config.channel, {**own, **payload}))
            except MissingScope as error:
                if not self._webhook_will_do(config):
                    raise WrongTarget(f"{error.message} Add it to the app, or connect again.") from None
        elif not self._webhook_will_do(config):
            raise AuthFailed(f"Posting to {config.channel} takes a bot token: connect Slack again, or give a botToken.")
        # A webhook of the retired kind heeds what it is sent, those of apps do not.
        kept = {} if config.webhook_channel else {"channel": config.channel, **own}
        response = yield Request.json("POST", self._webhook_url(config), {**kept, **payload})
        # Slack answers `ok` in the body: a proxy's page may have status 200 too.
        if response.status != 200 or response.text.strip() != "ok":
            raise webhook_error(response, config.channel)

    def _needs_token(self, config: Config) -> bool:
        """Whether messages are posted with the token: what is chosen is more than the webhook of OAuth can do."""
        chosen = config.channel != config.webhook_channel or any(_own(config).values())
        return config.bot_token is not None or config.webhook_url is None or chosen

    def _webhook_will_do(self, config: Config) -> bool:
        """Whether the webhook posts to the right channel: what else was chosen is lost without the token."""
        return config.webhook_url is not None and config.webhook_channel in (None, config.channel)

    def _workspace(self, config: Config) -> Workspace | None:
        token = reveal(config.bot_token or config.access_token)
        if not token:
            return None
        return Workspace(self.endpoint("apiUrl", "https://slack.com"), token)

    inbound = SlackInbound()

    def _webhook_url(self, config: Config) -> str:
        return self.relocated(reveal(config.webhook_url))


def _own(config: Slack.Config) -> dict[str, str | None]:
    return {"username": config.username, "icon_emoji": config.icon_emoji}


def _result(config: Slack.Config, identity: Identity, channel: FoundChannel | None) -> TestResult:
    note = f" The token lacks chat:write. {FIXED}." if config.bot_token and identity.lacks("chat:write") else ""
    if channel is None:
        unchecked = f"The connection to {identity.team_name} works. {_UNCHECKED.format(config.channel)}.{note}"
        return TestResult(unchecked, {"teamName": identity.team_name})
    shown = f"#{channel.name}" if channel.id == config.channel and channel.name else config.channel
    proved = f"Successfully connected to Slack channel {shown}"
    metadata = {"teamName": identity.team_name, "channelId": channel.id}
    return TestResult(f"{proved}.{note}" if note else proved, metadata)


def _check_membership(channel: FoundChannel, identity: Identity, name: str) -> None:
    if not channel.is_member and identity.lacks("chat:write.public"):
        raise WrongTarget(f"The bot is not in channel {name}: invite it there, or give it the scope chat:write.public.")

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid5

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.answers import field_of
from ...core.config import ConnectorConfig
from ...core.connector import Category, Connector, TestResult
from ...core.errors import AuthFailed
from ...core.fields import reveal
from ...core.http import Flow, Request, encode_json
from ...core.markers import AssetEvents, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.chat import CHAT_SENDS, Notice, notice_for
from .card import MESSAGE_BYTES, adaptive_card, fitting_message
from .clouds import ANY_ORGANISATION, endpoints_of
from .errors import error_of
from .fields import ChannelId, TeamId, Title, WebhookUrl, channel_in_link

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
TOO_LARGE = 413
PUBLIC = endpoints_of("public", ANY_ORGANISATION)


class Teams(Connector):
    type = "teams"
    name = "Microsoft Teams"
    category = Category.COMMUNICATION
    description = "Posts a card to a channel when an asset changes."
    setup: ClassVar[str] = """\
1. In Teams, open the channel's menu, choose *Workflows* and the template *Send webhook alerts to a channel*.
2. Copy the address of the workflow and paste it here. Anyone who has it can post, so it is kept as a secret. The
   workflow belongs to the person who made it: it stops when that person leaves, unless it has another owner.
3. Or connect with OAuth, and paste what *Get link to channel* copies as `channelId`: the team and the channel are read
   from it. Messages are posted as you, and only in teams that you are a member of.

Only work and school accounts can connect. In many organisations an administrator has to approve Invenicum once, for
everybody: if Microsoft says so, the message shows the link for it. When your organisation asks for a new sign-in, for
example after a change of the password, deliveries wait until you connect again.
"""
    sends = (
        CHAT_SENDS
        + """
A message has at most 28 KB in Teams: of a longer one the last facts and changes are left out, shown by an ellipsis.
"""
    )
    oauth = OAuthSpec(
        PUBLIC["authorizeUrl"],
        PUBLIC["tokenUrl"],
        scopes=("offline_access", "User.Read", "Team.ReadBasic.All", "Channel.ReadBasic.All", "ChannelMessage.Send"),
        identity_url=PUBLIC["identityUrl"],
        identity_field="userPrincipalName",
        extra_params={"response_mode": "query", "prompt": "select_account"},
        rotates=True,
        admin_consent_url=PUBLIC["adminConsentUrl"],
        # The user has to do something: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and
        # https://openid.net/specs/openid-connect-core-1_0.html#AuthError
        refusals=("invalid_grant", "interaction_required", "consent_required", "login_required"),
    )
    concurrency = 1  # so that a channel's messages keep their order, and Graph's limit for a channel is not hit

    class Config(ConnectorConfig):
        webhook_url: Annotated[WebhookUrl | None, SentTo(), OAuthReplaces()] = None
        team_id: Annotated[TeamId | None, Field(validate_default=True)] = None
        channel_id: Annotated[ChannelId | None, Field(validate_default=True)] = None
        title: Title = "Invenicum"
        events: AssetEvents = list(ASSET_EVENTS)

        @model_validator(mode="before")
        @classmethod
        def _read_link(cls, values: Any) -> Any:
            if not isinstance(values, Mapping):
                return values
            for name in ("channelId", "teamId"):
                if found := channel_in_link(values.get(name)):
                    return {**values, "teamId": found.team_id, "channelId": found.channel_id}
            return values

        @field_validator("team_id", "channel_id")
        @classmethod
        def _needed_without_workflow(cls, value: str | None, info: ValidationInfo) -> str | None:
            # Only if webhookUrl is absent: if it is invalid, one message is enough.
            if value is None and info.data.get("webhook_url", "") is None:
                raise PydanticCustomError("needed", "is required without a webhookUrl")
            return value

    def test(self, config: Config) -> Flow[TestResult]:
        if config.webhook_url:
            # A workflow posts each attachment, so without attachments it posts nothing.
            response = yield Request.json("POST", self._webhook_url(config), {"type": "message", "attachments": []})
            if not response.ok:
                raise error_of(response)
            return TestResult("Successfully connected to the Teams workflow", {"statusCode": response.status})
        response = yield Request("GET", f"{self._channel_url(config)}?$select=displayName", _headers(config))
        if not response.ok:
            raise error_of(response)
        channel = field_of(response, "displayName")
        return TestResult(f"Successfully connected to Teams channel {channel}", {"channel": channel})

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        notice, mark = notice_for(message), str(uuid5(UUID(int=0), message.id))
        url = self._webhook_url(config) if config.webhook_url else f"{self._channel_url(config)}/messages"
        headers = {"Content-Type": "application/json", **({} if config.webhook_url else _headers(config))}

        def write(shown: Notice) -> bytes:
            return _for_workflow(shown, config.title) if config.webhook_url else _for_graph(shown, config.title, mark)

        for limit in MESSAGE_BYTES:
            response = yield Request("POST", url, headers, fitting_message(notice, write, limit))
            if response.ok:
                return
            if response.status != TOO_LARGE:
                break
        raise error_of(response)

    def _webhook_url(self, config: Config) -> str:
        return self.relocated(reveal(config.webhook_url))

    def _channel_url(self, config: Config) -> str:
        base = self.endpoint("graphUrl", self.endpoint("apiUrl", PUBLIC["graphUrl"]))
        return f"{base}/v1.0/teams/{config.team_id}/channels/{config.channel_id}"


def _for_workflow(notice: Notice, title: str) -> bytes:
    attachment = {"contentType": CARD_TYPE, "contentUrl": None, "content": adaptive_card(notice, title)}
    return encode_json({"type": "message", "attachments": [attachment]})


def _for_graph(notice: Notice, title: str, mark: str) -> bytes:
    # https://learn.microsoft.com/graph/api/chatmessage-post#example-4
    content = encode_json(adaptive_card(notice, title)).decode()
    body = {"contentType": "html", "content": f'<attachment id="{mark}"></attachment>'}
    return encode_json({"body": body, "attachments": [{"id": mark, "contentType": CARD_TYPE, "content": content}]})


def _headers(config: Teams.Config) -> dict[str, str]:
    if config.access_token is None:
        raise AuthFailed("Connect your Microsoft account first, or give a webhookUrl.")
    return {"Authorization": f"Bearer {config.access_token.get_secret_value()}"}

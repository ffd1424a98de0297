import json
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid5

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ..core.answers import error_for, excerpt, field_of, retry_after
from ..core.config import ConnectorConfig
from ..core.connector import Category, Connector, TestResult
from ..core.errors import AuthFailed, ConnectionFailed, Gone, IntegrationError, InvalidConfig, RateLimited, Rejected
from ..core.fields import reveal
from ..core.http import Flow, Request, Response, encode_json
from ..core.markers import AssetEvents, Matches, OAuthReplaces, SentTo
from ..core.oauth import OAuthSpec
from ..families.chat import CHAT_SENDS, Notice, notice_for

# https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498
WebhookUrl = Annotated[
    SecretStr,
    Matches(
        r"^https://[a-z0-9.-]+\.(?:environment\.api\.powerplatform\.com|logic\.azure\.com)(?::443)?/"
        r"(?:powerautomate/automations/direct/(?:cu/\d+/)?)?workflows/[A-Za-z0-9_-]{8,64}/triggers/[A-Za-z0-9_]+/"
        r"paths/invoke/?\?(?:\S*&)?sig=[A-Za-z0-9_%-]{20,}(?:&\S*)?$",
        "the address of a Teams workflow",
        "https://default0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com:443/powerautomate/automations"
        "/direct/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"
        "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE",
    ),
]
Title = Annotated[str, Matches(r"^.{1,120}$", "1 to 120 characters", "Invenicum")]
TeamId = Annotated[
    str,
    Matches(
        r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "the id of a team", "02bd9fd6-8f93-4758-87c3-1fb73740a315"
    ),
]
ChannelId = Annotated[
    str,
    Matches(
        r"^19:[A-Za-z0-9_.-]{10,120}@thread\.(?:tacv2|skype)$",
        "the id of a channel",
        "19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2",
    ),
]
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
MAX_CARD_BYTES = 28_000  # https://learn.microsoft.com/microsoftteams/limits-specifications-teams


class Teams(Connector):
    type = "teams"
    name = "Microsoft Teams"
    category = Category.COMMUNICATION
    description = "Posts a card to a channel when an asset changes."
    setup: ClassVar[str] = """\
1. In Teams, open the channel's menu, choose *Workflows* and the template *Send webhook alerts to a channel*.
2. Copy the address of the workflow and paste it here. Anyone who has it can post, so it is kept as a secret.
3. Or connect with OAuth, and give `teamId` and `channelId` (both are part of *Get link to channel*).
"""
    sends = CHAT_SENDS
    oauth = OAuthSpec(
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        scopes=("offline_access", "User.Read", "Team.ReadBasic.All", "Channel.ReadBasic.All", "ChannelMessage.Send"),
        identity_url="https://graph.microsoft.com/v1.0/me",
        identity_field="userPrincipalName",
        extra_params={"response_mode": "query", "prompt": "select_account"},
        rotates=True,
    )

    class Config(ConnectorConfig):
        webhook_url: Annotated[WebhookUrl | None, SentTo(), OAuthReplaces()] = None
        team_id: Annotated[TeamId | None, Field(validate_default=True)] = None
        channel_id: Annotated[ChannelId | None, Field(validate_default=True)] = None
        title: Title = "Invenicum"
        events: AssetEvents = list(ASSET_EVENTS)

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
                raise _error(response)
            return TestResult("Successfully connected to the Teams workflow", {"statusCode": response.status})
        response = yield Request("GET", f"{self._channel_url(config)}?$select=displayName", _headers(config))
        if not response.ok:
            raise _error(response)
        channel = field_of(response, "displayName")
        return TestResult(f"Successfully connected to Teams channel {channel}", {"channel": channel})

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        card = adaptive_card(notice_for(message), config.title)
        if len(encode_json(card)) > MAX_CARD_BYTES:
            raise Rejected("The message is too large for Teams.")
        if config.webhook_url:
            attachment: dict[str, Any] = {"contentType": CARD_TYPE, "contentUrl": None, "content": card}
            payload: dict[str, Any] = {"type": "message", "attachments": [attachment]}
            response = yield Request.json("POST", self._webhook_url(config), payload)
        else:
            # https://learn.microsoft.com/graph/api/chatmessage-post#example-4
            mark = str(uuid5(UUID(int=0), message.id))
            attachment = {"id": mark, "contentType": CARD_TYPE, "content": json.dumps(card)}
            body = {"contentType": "html", "content": f'<attachment id="{mark}"></attachment>'}
            payload = {"body": body, "attachments": [attachment]}
            response = yield Request.json("POST", f"{self._channel_url(config)}/messages", payload, _headers(config))
        if not response.ok:
            raise _error(response)

    def _webhook_url(self, config: Config) -> str:
        return self.relocated(reveal(config.webhook_url))

    def _channel_url(self, config: Config) -> str:
        base = self.endpoint("apiUrl", "https://graph.microsoft.com")
        return f"{base}/v1.0/teams/{config.team_id}/channels/{config.channel_id}"


def adaptive_card(notice: Notice, title: str) -> dict[str, Any]:
    """The message as a card: https://learn.microsoft.com/adaptive-cards/schema-explorer/adaptive-card

    What users wrote is put into TextRuns, which have no Markdown and no mentions.
    """
    body = [_line(_run(f"{title} · {notice.title}", isSubtle=True, size="Small"))]
    if notice.subject:
        body.append(_line(_run(notice.subject, weight="Bolder", size="Medium")))
    changes = [(change.label, f"{change.old} → {change.new}") for change in notice.changes]
    body += [_line(_run(f"{name}: ", weight="Bolder"), _run(value)) for name, value in (*changes, *notice.facts)]
    actor = f"By {notice.actor} · " if notice.actor else ""
    body.append(_line(_run(f"{actor}{notice.occurred_at:%Y-%m-%d %H:%M} UTC", isSubtle=True, size="Small")))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": notice.summary,
        "body": body,
    }
    if notice.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": notice.link}]
    return card


def _line(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}


def _headers(config: Teams.Config) -> dict[str, str]:
    if config.access_token is None:
        raise AuthFailed("Connect your Microsoft account first, or give a webhookUrl.")
    return {"Authorization": f"Bearer {config.access_token.get_secret_value()}"}


def _error(response: Response) -> IntegrationError:
    # https://learn.microsoft.com/azure/logic-apps/logic-apps-http-endpoint and the Graph API's errors have one form.
    status, code = response.status, excerpt(field_of(response, "error", "code"))
    if code == "WorkflowNotFound" or (status == 410):
        return Gone("Invalid webhook URL: the workflow was deleted in Teams. Create a new one.")
    if "NotEnabled" in code or "Disabled" in code:
        return ConnectionFailed(f"The workflow is turned off in Power Automate ({code}): turn it on.")
    if status in (401, 403):
        return AuthFailed(
            f"Teams refused the credentials ({code or status}): copy the address again, or connect again."
        )
    if status == 404:
        return InvalidConfig(f"Teams does not know this channel or workflow ({code or status}).")
    if status == 429:
        return RateLimited("Teams asks to slow down.", retry_after=retry_after(response))
    if status == 400:
        return Rejected(f"Teams refused the message ({code}).")
    return error_for(response, "Teams", code)

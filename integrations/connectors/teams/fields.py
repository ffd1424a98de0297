"""The types of the configuration of Microsoft Teams, and the link to a channel that names two of them. Pure."""

import re
from typing import Annotated, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import SecretStr

from ...core.markers import Matches

# Of workflows, in the public cloud and in those of governments: https://learn.microsoft.com/power-platform/admin/powerapps-us-government
# and the environments in https://github.com/microsoft/Agents-for-js (powerPlatformEnvironment)
WORKFLOW_HOSTS = (
    "environment.api.powerplatform.com",
    "environment.api.gov.powerplatform.microsoft.us",
    "environment.api.high.powerplatform.microsoft.us",
    "environment.api.appsplatform.us",
    "environment.api.powerplatform.partner.microsoftonline.cn",
    *("logic.azure.com", "logic.azure.us", "logic.azure.cn"),
)
# https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498
WebhookUrl = Annotated[
    SecretStr,
    Matches(
        rf"^https://[a-z0-9.-]+\.(?:{'|'.join(map(re.escape, WORKFLOW_HOSTS))})(?::443)?/"
        r"(?:powerautomate/automations/direct/(?:cu/\d+/)?)?workflows/[A-Za-z0-9_-]{8,64}/triggers/[A-Za-z0-9_]+/"
        r"paths/invoke/?\?(?:\S*&)?sig=[A-Za-z0-9_%-]{20,}(?:&\S*)?$",
        "the address of a Teams workflow",
        "https://default0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com:443/powerautomate/automations"
        "/direct/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"
        "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE",
    ),
]
Title = Annotated[str, Matches(r"^.{1,120}$", "1 to 120 characters", "Invenicum")]
# What *Get link to channel* copies: https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams
LINK = (
    r"https://(?:teams\.(?:microsoft\.com|cloud\.microsoft|microsoftonline\.cn)|(?:gov|dod)\.teams\.microsoft\.us)"
    r"/l/channel/[^\s/]+/[^\s?]*\?\S*groupId=\S+"
)
TeamId = Annotated[
    str,
    Matches(
        rf"^(?:[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|{LINK})$",
        "the id of a team, or the link to a channel of it",
        "02bd9fd6-8f93-4758-87c3-1fb73740a315",
    ),
]
ChannelId = Annotated[
    str,
    Matches(
        rf"^(?:19:(?:[a-z]{{2,8}}:)?[A-Za-z0-9_.-]{{10,120}}@thread\.(?:tacv2|skype)|{LINK})$",
        "the id of a channel, or the link to it",
        "19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2",
    ),
]


class ChannelInLink(NamedTuple):
    """The ids in a link to a channel, e.g. `02bd9fd6-…` and `19:d0bba2…@thread.tacv2`."""

    team_id: str
    channel_id: str


def channel_in_link(text: object) -> ChannelInLink | None:
    """The ids in what *Get link to channel* copied; None for anything else."""
    if not isinstance(text, str) or not re.fullmatch(LINK, text.strip()):
        return None
    parts = urlsplit(text.strip())
    team_id = parse_qs(parts.query).get("groupId", [""])[0].lower()
    return ChannelInLink(team_id, unquote(parts.path.split("/")[3]))

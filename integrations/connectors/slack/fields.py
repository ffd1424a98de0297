"""The types of the configuration of Slack. Pure."""

from typing import Annotated

from pydantic import SecretStr

from ...core.markers import Matches

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
        r"^(?:[#@]?[^\s#@,A-Z]{1,80}|[CGDUW][A-Z0-9]{6,})$",
        "the name of a channel in lower case, or its id",
        "#asset-updates",
    ),
]
WebhookChannel = Annotated[
    str,
    Matches(
        r"^[CGDUW][A-Z0-9]{6,}$",
        "the id of the channel that the webhook was made for, which OAuth fills in",
        "C05002EAE",
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

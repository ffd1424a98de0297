"""The types of the configuration of Discord. Pure."""

import re
from typing import Annotated

from pydantic import SecretStr

from ...core.markers import Matches

WEBHOOK_PATH = re.compile(
    r"/webhooks/(?P<id>\d{17,20})/(?P<token>[A-Za-z0-9_-]{60,120})/?(?:\?(?:.*&)?thread_id=(?P<thread>\d{17,20})\b.*)?"
)
WebhookUrl = Annotated[
    SecretStr,
    Matches(
        r"^https://(?:(?:canary|ptb)\.)?discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{17,20}/[A-Za-z0-9_-]{60,120}/?"
        r"(?:\?(?:(?:thread_id=\d{17,20}|wait=(?:true|false))(?:&|$))+)?$",
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
ThreadName = Annotated[
    str,
    Matches(
        r"^.{1,100}$", "1 to 100 characters, in which {name} is the asset's name and {event} what happened", "{name}"
    ),
]
# https://discord.com/developers/docs/resources/channel#forum-tag-object: a post has at most five
TagId = Annotated[str, Matches(r"^\d{17,20}$", "the id of a tag of the forum", "1234567890123456789")]

"""An event as a Discord message."""

import re
from typing import Any

from invenicum.events.names import ASSET_DELETED

from ...families.chat import Notice, fitting

BLUE, GREY = 0x3B82F6, 0x6B7280
MAX_TITLE_LENGTH = 256
MAX_FIELD_NAME_LENGTH = 80
# An embed has at most 6000 characters, fields included.
MAX_DESCRIPTION_LENGTH, MAX_DESCRIPTION_LENGTH_WITH_FIELDS = 2000, 1000


def discord_message(notice: Notice, event: str) -> dict[str, Any]:
    """The payload for a webhook: one embed. `event` is the event's name.

    https://discord.com/developers/docs/resources/message#embed-object-embed-limits
    """
    lines = (f"**{escape(c.label)}:** {escape(c.old)} → {escape(c.new)}" for c in notice.changes)
    # A label has only letters and digits, so it needs no escaping.
    fields = [
        {"name": name[:MAX_FIELD_NAME_LENGTH], "value": escape(value), "inline": True} for name, value in notice.facts
    ]
    embed: dict[str, Any] = {
        "author": {"name": notice.title},
        "title": _title(notice.subject),
        "url": notice.link,
        "description": fitting(lines, MAX_DESCRIPTION_LENGTH_WITH_FIELDS if fields else MAX_DESCRIPTION_LENGTH),
        "fields": fields,
        "color": GREY if event == ASSET_DELETED else BLUE,
        "timestamp": notice.occurred_at.isoformat(),
    }
    if notice.actor:
        embed["footer"] = {"text": f"By {notice.actor}"}
    # `parse: []` keeps every mention in a name from notifying people.
    return {"embeds": [{key: value for key, value in embed.items() if value}], "allowed_mentions": {"parse": []}}


def _title(subject: str) -> str:
    """The subject within Discord's limit, which includes the escape characters."""
    title = escape(subject)
    return title if len(title) <= MAX_TITLE_LENGTH else escape(subject[: MAX_TITLE_LENGTH // 2 - 1]) + "…"


def escape(text: str) -> str:
    """`text` as plain text, so that no name is a mention, a link or a format.

    https://discord.com/developers/docs/reference#message-formatting
    """
    return re.sub(r"([\\*_~`|>#\[\]()<@:-])", r"\\\1", text)

"""An event as a Slack message."""

from typing import Any

from ...families.chat import MAX_LINK_LENGTH, Notice, fitting

MAX_SECTION_LENGTH = 3000


def slack_message(notice: Notice) -> dict[str, Any]:
    """The payload for a webhook: Block Kit, and one line for notifications.

    https://docs.slack.dev/reference/block-kit/blocks
    """
    title = escape(notice.subject)
    # Escaping makes five characters of an `&`, and a section is limited.
    if notice.link and len(escape(notice.link)) <= MAX_LINK_LENGTH:
        title = f"<{escape(notice.link)}|{title or 'Open'}>"
    blocks = [_section(f"*{escape(notice.title)}*" + (f"\n{title}" if title else ""))]
    if notice.changes:
        lines = (f"*{escape(c.label)}:* {escape(c.old)} → {escape(c.new)}" for c in notice.changes)
        blocks.append(_section(fitting(lines, MAX_SECTION_LENGTH)))
    if notice.facts:
        fields = [_mrkdwn(f"*{escape(label)}*\n{escape(value)}") for label, value in notice.facts]
        blocks.append({"type": "section", "fields": fields})
    moment = notice.occurred_at
    # https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    date = f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} at {{time}}|{moment:%Y-%m-%d %H:%M} UTC>"
    actor = f"By {escape(notice.actor)} · " if notice.actor else ""
    blocks.append({"type": "context", "elements": [_mrkdwn(actor + date)]})
    return {"text": escape(notice.summary), "blocks": blocks}


def escape(text: str) -> str:
    """`text` as plain text, so that no name is a mention or a link.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    # `verbatim` keeps names of channels and people from becoming links.
    return {"type": "mrkdwn", "text": text, "verbatim": True}

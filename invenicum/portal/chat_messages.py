"""Messages of Slack, Discord and Teams, read from what would be sent, to be drawn as they look there. Pure.

Only what `integrations.families.chat` makes connectors write is known: another block is shown as its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Literal

SENDER = "Invenicum"
CARD_TYPE = "application/vnd.microsoft.card.adaptive"

_MRKDWN = re.compile(
    r"<!date\^(?P<seconds>\d+)\^(?P<format>[^|>^]*)(?:\^[^|>]*)?\|(?P<fallback>[^>]*)>"
    r"|<(?P<link>https?://[^|>]+)\|(?P<words>[^>]*)>"
    r"|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)"
)
_MARKDOWN = re.compile(r"\\(?P<plain>[\\*_~`|>#\[\]()<@:-])|\*\*(?P<bold>(?:\\.|[^*\\])+)\*\*")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message: `html` is its text, `label` the name above it, e.g. of a field."""

    kind: Literal["text", "changes", "field", "small", "title", "button"]
    html: str
    label: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message as it is drawn: its parts in their order.

    look: the service. sender: who posts it there. color: of its bar, `#3b82f6`, or empty. thread: of a new post.
    """

    look: Literal["slack", "discord", "teams"]
    sender: str
    parts: tuple[Part, ...]
    color: str = ""
    thread: str = ""

    @property
    def monogram(self) -> str:
        """The initials in the sender's picture."""
        return self.sender[:2]


def read_message(look: str, body: str) -> ChatMessage | None:
    """The message in the body of a request to `slack`, `discord` or `teams`; None without one."""
    try:
        payload = json.loads(body)
        match look:
            case "slack":
                return _slack(payload)
            case "discord":
                return _discord(payload)
            case "teams":
                return _teams(payload)
    except (ValueError, LookupError, TypeError, AttributeError):
        pass  # it was cut off, or is none that a connector writes
    return None


def _slack(payload: Mapping[str, Any]) -> ChatMessage:
    parts: list[Part] = []
    for block in payload["blocks"]:
        match block:
            case {"type": "section", "fields": fields}:
                parts += [_slack_field(field["text"]) for field in fields]
            case {"type": "section", "text": {"text": text}}:
                parts.append(Part("text", mrkdwn_html(text)))
            case {"type": "context", "elements": elements}:
                parts.append(Part("small", " ".join(mrkdwn_html(element["text"]) for element in elements)))
    return ChatMessage("slack", payload.get("username") or SENDER, tuple(parts))


def _slack_field(text: str) -> Part:
    label, _, value = text.partition("\n")
    return Part("field", mrkdwn_html(value), mrkdwn_html(label))


def mrkdwn_html(text: str) -> str:
    """Slack's format as HTML: bold, links, dates and its three entities.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    done, end = [], 0
    for found in _MRKDWN.finditer(text):
        done += [_entities(text[end : found.start()]), _mrkdwn_token(found)]
        end = found.end()
    return "".join([*done, _entities(text[end:])])


def _mrkdwn_token(found: re.Match[str]) -> str:
    if found["seconds"]:
        moment = datetime.fromtimestamp(int(found["seconds"]), UTC)
        return f'<time title="{escape(found["fallback"])}">{_slack_date(found["format"], moment)}</time>'
    if found["link"]:
        return f'<a href="{_entities(found["link"], quote=True)}" rel="noreferrer">{_entities(found["words"])}</a>'
    return f"<strong>{_entities(found['bold'])}</strong>"


def _slack_date(pattern: str, moment: datetime) -> str:
    texts = {"{date_short_pretty}": f"{moment:%b} {moment.day}, {moment.year}", "{time}": f"{moment:%-I:%M %p}"}
    for token, text in texts.items():
        pattern = pattern.replace(token, text)
    return escape(pattern)


def _entities(text: str, *, quote: bool = False) -> str:
    """Slack escapes `&`, `<` and `>` only, in the way of HTML."""
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return escape(plain, quote=quote).replace("\n", "<br>")


def _discord(payload: Mapping[str, Any]) -> ChatMessage:
    embed = payload["embeds"][0]
    parts = (
        [Part("small", f"<strong>{escape(embed['author']['name'], quote=False)}</strong>")] if "author" in embed else []
    )
    if "title" in embed:
        parts.append(Part("title", markdown_html(embed["title"]), link=_web(embed.get("url"))))
    if "description" in embed:
        parts.append(Part("changes", markdown_html(embed["description"])))
    parts += [
        Part("field", markdown_html(field["value"]), f"<strong>{escape(field['name'], quote=False)}</strong>")
        for field in embed.get("fields", ())
    ]
    end = [escape(embed["footer"]["text"], quote=False)] if "footer" in embed else []
    if moment := datetime.fromisoformat(embed["timestamp"]) if "timestamp" in embed else None:
        end.append(f'<time title="{embed["timestamp"]}">{moment:%m/%d/%Y %-I:%M %p}</time>')
    parts.append(Part("small", " • ".join(end)))
    color = f"#{embed['color']:06x}" if embed.get("color") else ""
    return ChatMessage(
        "discord", payload.get("username") or SENDER, tuple(parts), color, payload.get("thread_name", "")
    )


def markdown_html(text: str) -> str:
    """Discord's format as HTML, as far as messages of assets have any: bold text, and characters after a backslash.

    https://discord.com/developers/docs/reference#message-formatting
    """
    done, end = [], 0
    for found in _MARKDOWN.finditer(text):
        done.append(_lines(text[end : found.start()]))
        done.append(escape(found["plain"]) if found["plain"] else f"<strong>{markdown_html(found['bold'])}</strong>")
        end = found.end()
    return "".join([*done, _lines(text[end:])])


def _teams(payload: Mapping[str, Any]) -> ChatMessage:
    attachment = next(one for one in payload["attachments"] if one["contentType"] == CARD_TYPE)
    content = attachment["content"]  # Microsoft Graph takes it as a text
    card = json.loads(content) if isinstance(content, str) else content
    parts = [_teams_line(block["inlines"]) for block in card["body"] if block["type"] == "RichTextBlock"]
    parts += [
        Part("button", escape(action["title"], quote=False), link=_web(action["url"]))
        for action in card.get("actions", ())
    ]
    return ChatMessage("teams", SENDER, tuple(parts))


def _teams_line(runs: Iterable[Mapping[str, Any]]) -> Part:
    """https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run"""
    html = "".join(
        f"<strong>{escape(run['text'], quote=False)}</strong>"
        if run.get("weight")
        else escape(run["text"], quote=False)
        for run in runs
    )
    sizes = {run.get("size") for run in runs}
    return Part("small" if "Small" in sizes else "title" if "Medium" in sizes else "text", html)


def _web(address: Any) -> str:
    """An address that a link may lead to; empty for any other."""
    return address if isinstance(address, str) and address.startswith(("https://", "http://")) else ""


def _lines(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")

"""An event as an adaptive card for Microsoft Teams. Pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...core.errors import Rejected
from ...families.chat import Notice

# "Approximately 28 KB": https://learn.microsoft.com/microsoftteams/limits-specifications-teams. What is counted is not
# said, so that smaller ones follow if Teams refuses the size.
MESSAGE_BYTES = (28_000, 20_000, 10_000)


def fitting_message(notice: Notice, write: Callable[[Notice], bytes], limit: int) -> bytes:
    """The message that `write` makes of as much of the notice as fits into `limit` bytes, measured as it is sent.

    Facts are left out first, then changes, from the last one on. Raises Rejected if nothing is left to leave out.
    """
    is_cut = False
    while True:
        shown = replace(notice, facts=(*notice.facts, ("…", "…"))) if is_cut else notice
        body = write(shown)
        if len(body) <= limit:
            return body
        if not (notice.facts or notice.changes):
            raise Rejected("The message is too large for Teams.")
        is_cut = True
        notice = (
            replace(notice, facts=notice.facts[:-1]) if notice.facts else replace(notice, changes=notice.changes[:-1])
        )


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

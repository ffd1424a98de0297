"""The Markdown in which connectors describe their setup, as HTML: lists, paragraphs, code, emphasis, links. Pure."""

import re
from collections.abc import Mapping
from html import escape

_ITEM = re.compile(r"(?P<mark>\d+\.|[-*])\s+(?P<text>.*)")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_EMPHASIS = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")


def to_html(text: str, names: Mapping[str, str] | None = None) -> str:
    """`1. Create a *bucket*.` becomes `<ol><li>Create a <em>bucket</em>.</li></ol>`. Everything else is escaped.

    names: words for what stands as code in the text, e.g. `{"webhookUrl": "Webhook URL"}`.
    """
    for code, words in (names or {}).items():
        text = text.replace(f"`{code}`", f"*{words}*")
    return "\n".join(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block.strip())


def _block(block: str) -> str:
    lines = block.split("\n")
    first = _ITEM.match(lines[0])
    if first is None:
        return f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"
    items: list[str] = []
    for line in lines:
        found = _ITEM.match(line)
        if found:
            items.append(found["text"])
        else:
            items[-1] += " " + line.strip()
    tag = "ol" if first["mark"].endswith(".") else "ul"
    return f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{tag}>"


def _inline(text: str) -> str:
    parts = _CODE.split(text)  # every second part is code, in which nothing else is read
    return "".join(f"<code>{escape(part)}</code>" if place % 2 else _plain(part) for place, part in enumerate(parts))


def _plain(text: str) -> str:
    text = _LINK.sub(r'<a href="\2" rel="noreferrer" target="_blank">\1</a>', escape(text))
    return _EMPHASIS.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", text))

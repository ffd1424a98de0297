"""The Markdown in which connectors describe their setup, as HTML: lists, paragraphs, code, emphasis, links. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape

_ITEM = re.compile(r"(?P<mark>\d+\.|[-*])\s+(?P<text>.*)")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_EMPHASIS = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")


def to_html(
    text: str, names: Mapping[str, str] | None = None, translate: Callable[[str], str] = lambda text: text
) -> str:
    """`1. Create a *bucket*.` becomes `<ol><li>Create a <em>bucket</em>.</li></ol>`. Everything else is escaped.

    names: words for what stands as code in the text, e.g. `{"webhookUrl": "Webhook URL"}`. translate: gives the
    translation of a paragraph or an item.
    """

    def written(part: str) -> str:
        part = translate(part)
        for code, words in (names or {}).items():
            part = part.replace(f"`{code}`", f"*{words}*")
        return _inline(part)

    return "\n".join(
        f"<p>{written(parts[0])}</p>"
        if tag == "p"
        else f"<{tag}>{''.join(f'<li>{written(part)}</li>' for part in parts)}</{tag}>"
        for tag, parts in _blocks(text)
    )


def parts_of(text: str) -> list[str]:
    """The paragraphs and items of a text, each on one line and without its mark."""
    return [part for _, parts in _blocks(text) for part in parts]


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each block as its element and its parts, e.g. `("ol", ["Create a *bucket*."])`."""
    for block in filter(str.strip, re.split(r"\n\s*\n", text.strip())):
        lines = block.split("\n")
        first = _ITEM.match(lines[0])
        if first is None:
            yield "p", [" ".join(line.strip() for line in lines)]
            continue
        items: list[str] = []
        for line in lines:
            if found := _ITEM.match(line):
                items.append(found["text"])
            else:
                items[-1] += " " + line.strip()
        yield ("ol" if first["mark"].endswith(".") else "ul"), items


def _inline(text: str) -> str:
    parts = _CODE.split(text)  # every second part is code, in which nothing else is read
    return "".join(f"<code>{escape(part)}</code>" if place % 2 else _plain(part) for place, part in enumerate(parts))


def _plain(text: str) -> str:
    text = _LINK.sub(r'<a href="\2" rel="noreferrer" target="_blank">\1</a>', escape(text))
    return _EMPHASIS.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", text))

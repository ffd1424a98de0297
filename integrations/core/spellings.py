"""Undoes the ways in which a text can be escaped inside another: URL encoding, HTML and JSON escapes. Pure."""

import html
import re
from collections.abc import Iterator, Sequence

MAX_NESTED = 3

_ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);"
    r"|\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\[\"\\/bfnrt]"
)
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def decodings(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """`text` itself, then with its escapes decoded once, twice and three times as long as that changes something.

    With each comes where its characters begin in `text`, and `len(text)` at the end: "a%3Db" gives `("a=b", [0, 1, 4,
    5])`. Takes time in proportion to the text.
    """
    places: Sequence[int] = range(len(text) + 1)
    yield text, places
    for _ in range(MAX_NESTED):
        parts: list[str] = []
        begins: list[int] = []
        last = 0
        for match in _ESCAPE.finditer(text):
            parts.append(text[last : match.start()])
            begins.extend(places[last : match.start()])
            for character, width in _decoded(match[0]):
                parts.append(character)
                begins.append(places[match.start() + width])
            last = match.end()
        if not parts:
            return
        begins.extend(places[last:])
        text, places = "".join([*parts, text[last:]]), begins
        yield text, places


def _decoded(escape: str) -> Iterator[tuple[str, int]]:
    """The characters of an escape, each with its offset there."""
    if escape[0] == "%":
        offset = 0
        for character in bytes.fromhex(escape.replace("%", "")).decode(errors="surrogateescape"):
            yield character, offset
            offset += 3 * len(character.encode(errors="surrogateescape"))
    elif escape[0] == "&":
        for character in html.unescape(escape):
            yield character, 0
    elif escape[1] == "u":
        units = b"".join(int(unit, 16).to_bytes(2, "big") for unit in escape.split("\\u")[1:])
        yield units.decode("utf-16-be", errors="surrogatepass"), 0
    else:
        yield _SHORT.get(escape[1], escape[1]), 0

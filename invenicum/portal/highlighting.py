"""JSON, headers and forms as HTML with marked names, texts and numbers, and secrets as dots. Pure."""

import json
import re
from html import escape

from integrations.core.preview import MASK

_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<str>"(?:[^"\\]|\\.)*")|(?P<num>-?\d[\d.eE+-]*|true|false|null)'
)


def pretty(text: str) -> str:
    """JSON on several lines; any other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def is_json(text: str) -> bool:
    """Whether `text` is a JSON object or list."""
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def highlight(text: str) -> str:
    """`{"a": 1}` becomes `{<span class="key">"a"</span>: <span class="num">1</span>}`; text that is not JSON is
    escaped, no more. `•••` stands for a secret, in a `<span class="dots">`."""
    if not is_json(text):
        return with_dots(text)
    done, end = [], 0
    for found in _TOKEN.finditer(text):
        done += [
            escape(text[end : found.start()], quote=False),
            f'<span class="{found.lastgroup}">{with_dots(found[0])}</span>',
        ]
        end = found.end()
    return "".join([*done, escape(text[end:], quote=False)])


def with_dots(text: str) -> str:
    """The text escaped, with its secrets as dots."""
    return escape(text, quote=False).replace(MASK, f'<span class="dots">{MASK}</span>')

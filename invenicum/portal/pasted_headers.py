"""Headers as people copy them from a log or a program. Pure."""

import json
import re

MAX_PASTED_HEADERS = 200
# Of `curl -v` and of some logs.
_MARK = re.compile(r"^\s*[<>*|]\s+")


def read_headers(text: str) -> dict[str, str]:
    """By name in lower case: of lines `Name: value` or `Name=value`, or of a JSON object. Others are left out."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        pairs = [(name, value[0] if isinstance(value, list) and value else value) for name, value in found.items()]
    else:
        pairs = [pair for line in text.splitlines() if (pair := _pair(_MARK.sub("", line)))]
    return {str(name).strip().lower(): str(value).strip() for name, value in pairs[:MAX_PASTED_HEADERS]}


def _pair(line: str) -> tuple[str, str] | None:
    found = re.match(r"""\s*["']?([A-Za-z0-9_-]+)["']?\s*[:=]\s*(.*?),?\s*$""", line)
    return (found[1], found[2].strip("\"'")) if found else None

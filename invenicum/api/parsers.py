"""Reading JSON from callers."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from invenicum import strict_json

from .errors import INVALID_CONFIG, PAYLOAD_TOO_LARGE, ApiError

MAX_DEPTH = 64


class StrictJSONParser(BaseParser):
    """JSON of bounded size and depth that means the same to every database, signature and receiver."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return parse_json(read_body(stream))


def read_body(stream: IO[bytes], limit: int | None = None) -> bytes:
    """The whole body, of at most `limit` bytes (None: API_MAX_BODY), whatever Content-Length says.

    Raises ApiError (413) if it is longer.
    """
    limit = settings.API_MAX_BODY if limit is None else limit
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise too_large(limit)
    return body


def too_large(limit: int) -> ApiError:
    """The error for a body of more than `limit` bytes."""
    return ApiError(413, PAYLOAD_TOO_LARGE, f"The body is larger than {limit} bytes")


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises ApiError (400) if it is malformed or ambiguous."""
    try:
        text = body.decode()
        value = strict_json.loads(text, object_pairs_hook=_distinct)
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise _malformed(str(error)) from None
    except RecursionError:
        raise _malformed(f"it is nested deeper than {MAX_DEPTH} levels") from None
    if strict_json.is_deeper(value, MAX_DEPTH):
        raise _malformed(f"it is nested deeper than {MAX_DEPTH} levels")
    # Only an escape can contain these: raw control characters and surrogates were refused above.
    if "\\u" in text:
        _check_text(value)
    return value


def _malformed(reason: str) -> ApiError:
    return ApiError(400, INVALID_CONFIG, f"The body is not acceptable JSON: {reason}")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name {twice!a} occurs twice in one object")
    return found


def _check_text(value: Any) -> None:
    """Refuses NUL, which PostgreSQL cannot store, and lone surrogates, which no encoding can."""
    texts: list[str] = []
    nodes = [value]
    while nodes:
        node = nodes.pop()
        if isinstance(node, str):
            texts.append(node)
        elif isinstance(node, dict):
            texts.extend(node)
            nodes.extend(node.values())
        elif isinstance(node, list):
            nodes.extend(node)
    whole = "".join(f"{text}\n" for text in texts)
    if "\0" in whole:
        raise _malformed("a text contains a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in whole):
        raise _malformed("a text contains half of a surrogate pair")

"""Answers that no provider gives and a server of a user's own choice may give, and flows that are driven with them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from hypothesis import strategies as st

from integrations.core.errors import MAX_WAIT_SECONDS, Fault, IntegrationError
from integrations.core.http import Flow, Response
from integrations.egress.transfer import ResponseHeaders

MAX_STEP_SECONDS = 0.05  # of processor time: a step of one flow delays all others of its worker
MAX_ANSWERS = 40
READ_BYTES = 64 * 1024  # of a response
ROOT = Path(__file__).parents[3]

# Every name that a connector may look for in an answer.
FIELDS = sorted(
    {
        name
        for folder in ("integrations/connectors", "integrations/families", "integrations/core", "oauth_flows")
        for file in (ROOT / folder).rglob("*.py")
        for name in re.findall(r'"([A-Za-z_]{2,30})"', file.read_text())
    }
)
NUMBERS = [*("nan", "inf", "-inf", "-1", "0", "1e400", "-1e400", "1e308", "9" * 400, "9" * 5000, "0x10", "1_0", "٣")]
DATES = [
    *("Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +2359"),
    *("Thu, 01 Jan 1970 00:00:00 -0000", "Wed, 21 Oct 2015 07:28:00 +9999", "2026-13-45T99:99:99Z", "21 Oct 99999"),
]
HEADERS = [
    *("retry-after", "ratelimit-reset", "ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-remaining"),
    *("content-type", "location", "etag", "link", "x-ratelimit-reset-after", "x-slack-failure", "content-length"),
    *("x-goog-hash", "dropbox-api-result", "x-amz-request-id", "x-gitlab-event", "date", "www-authenticate"),
]
ODD_BODIES = [
    b"",
    b"ok",
    b"\xff\xfe\x00" * 100,
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    *(b"[" * depth + b"]" * depth for depth in (60, 400, 900, 5000, 30_000)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (60, 300, 900, 5000)),
    *(b'{"changes":' + b"[" * depth + b"]" * depth + b"}" for depth in (100, 450, 900)),
    b'{"error":' + b"1" * 4000 + b"}",
    b'{"error":' + b"1" * 60_000 + b"}",
    b'{"expires_in":1e400,"retry_after":1e400}',
    b'{"retry_after":NaN,"expires_in":NaN,"a":Infinity}',
    b'{"a":"\\ud800","error":"\\u0000\\udfff"}',
    b'{"a":1,"a":2}',
    b'["' + b"x" * 65_000 + b'"]',
    b"[" + b"1," * 32_000 + b"1]",
    b"[" + b"{}," * 20_000 + b"{}]",
    b"[" + b'{"url":"x","id":1},' * 3_400 + b"{}]",
    b"{" + b",".join(b'"k%d":{}' % number for number in range(5000)) + b"}",
    b"<Error><Code>" + b"x" * 60_000,
    b"<Error>" + b"<Code>" * 8_000,
    b"<Message>&lt;" * 5_000,
    b"<" * 65_536,
    b"&" * 65_536,
    b" " * 65_536,
    b"\n" * 65_536,
    b"a@" * 32_768,
    b"\\" * 65_536,
]

_texts = st.text(max_size=20) | st.sampled_from([*NUMBERS, *DATES, "x" * 10_000, "a@b:c/d", "/" * 2000, "%" * 500])
_plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**308, 10**400, -(10**4000), 2**63, 2**64, 0, -1])
    | st.floats()
    | _texts
)
_values = st.recursive(
    _plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | _texts, inner, max_size=5),
    max_leaves=12,
)
_json_bodies = st.builds(
    lambda value: json.dumps(value).encode(), st.dictionaries(st.sampled_from(FIELDS), _values, max_size=8) | _values
)
bodies = _json_bodies | st.sampled_from(ODD_BODIES) | st.binary(max_size=60)
_header_values = st.sampled_from([*NUMBERS, *DATES, "", "0", "3", "application/json", "https://a.b/", '"etag"'])
_any_headers = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=30)
headers = st.dictionaries(st.sampled_from(HEADERS), _header_values | _any_headers, max_size=5)
COMMON_STATUSES = [200, 200, 200, 201, 204, 400, 401, 403, 404, 409, 410, 412, 413, 422, 429, 500]
statuses = st.sampled_from(COMMON_STATUSES) | st.integers(100, 599)


def _response(status: int, given: dict[str, str], body: bytes) -> Response:
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode("latin-1", "replace")
    return Response(status, ResponseHeaders(b"HTTP/1.1 200 OK\r\n" + lines), body[:READ_BYTES])


responses = st.builds(_response, statuses, headers, bodies)


def end_of(begin: Callable[[], Flow[Any]], answers: Sequence[Response]) -> Any:
    """What the flow returns if it is given these answers, the last one again and again, or its IntegrationError.

    Fails for any other exception, for an error that is not as the engine expects, and for a step that takes too long
    each time that it is tried.
    """
    for _ in range(3):
        result, slowest = _drive(begin, answers)
        if slowest < MAX_STEP_SECONDS:
            return result
    raise AssertionError(f"a step takes {slowest:.3f} s of processor time")


def _drive(begin: Callable[[], Flow[Any]], answers: Sequence[Response]) -> tuple[Any, float]:
    slowest = 0.0
    try:
        began = time.thread_time()
        flow = begin()
        next(flow)
        for number in range(MAX_ANSWERS):
            slowest = max(slowest, time.thread_time() - began)
            answer = answers[min(number, len(answers) - 1)]
            began = time.thread_time()
            flow.send(Response(answer.status, answer.headers, answer.body))
        flow.close()
        return None, slowest
    except StopIteration as done:
        return done.value, max(slowest, time.thread_time() - began)
    except IntegrationError as error:
        check(error)
        return error, max(slowest, time.thread_time() - began)


def check(error: IntegrationError) -> None:
    """Fails unless the engine can write the error and act on it."""
    assert error.retry_after is None or 0 <= error.retry_after <= MAX_WAIT_SECONDS  # false for NaN
    assert error.fault in get_args(Fault)
    assert 0 < len(error.message) < 2000
    error.message.encode()


def check_storable(value: Any) -> None:
    """Fails unless a database can store the JSON value."""
    assert "\\u0000" not in json.dumps(value, allow_nan=False)
    json.dumps(value, ensure_ascii=False).encode()

import io
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.api.errors import ApiError
from invenicum.api.parsers import MAX_DEPTH, parse_json, read_body
from tests.api_client import Api

LIMIT = 1024 * 1024


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "line 1, column 2"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b"1" * 5000, "Exceeds the limit"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' occurs twice"),
        (b'[{"x": {"a": 1, "a": 1}}]', "'a' occurs twice"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'["a\x00b"]', "control character"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"a": [{"\\uDFFF": 1}]}', "surrogate"),
        (b'["\\udc00\\ud800"]', "surrogate"),
        (b'["\xff"]', "UTF-8"),
        (b'["\xed\xa0\x80"]', "UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
    ],
)
def test_json_that_parsers_read_differently_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_json(body)
    assert (refused.value.status_code, refused.value.code) == (400, "INVALID_CONFIG")
    assert reason in refused.value.message


def test_a_name_that_occurs_twice_among_many_is_found_at_once() -> None:
    body = json.dumps({str(number): 1 for number in range(80_000)})[:-1] + ', "79999": 2}'
    began = time.process_time()
    with pytest.raises(ApiError, match="'79999' occurs twice"):
        parse_json(body.encode())
    assert time.process_time() - began < 5  # it takes minutes if each is compared with each


@pytest.mark.parametrize(
    "body",
    [
        b'"\\ud83d\\ude00"',
        b'"\\\\u0000"',
        '"é\u2028"'.encode(),
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b"[1, -0.5, 1e10, true, null]",
    ],
)
def test_unusual_but_valid_json_is_read_unchanged(body: bytes) -> None:
    assert parse_json(body) == json.loads(body)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(plain, lambda child: st.lists(child, max_size=4) | st.dictionaries(texts, child, max_size=4))


@given(values, st.booleans())
def test_every_valid_value_is_read_back_unchanged(value: Any, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary())
def test_any_bytes_are_parsed_or_refused_without_a_crash(body: bytes) -> None:
    with suppress(ApiError):
        assert parse_json(body) == json.loads(body)


def test_a_body_is_never_read_beyond_the_limit() -> None:
    stream = io.BytesIO(b"x" * 100)
    with pytest.raises(ApiError) as refused:
        read_body(stream, limit=10)
    assert (refused.value.status_code, refused.value.code) == (413, "PAYLOAD_TOO_LARGE")
    assert stream.tell() == 11


def test_a_body_of_exactly_the_limit_passes(api: Api, alice: User) -> None:
    body = b'{"name": "' + b"x" * (LIMIT - 12) + b'"}'
    assert len(body) == LIMIT
    assert api(alice).post("/assets", body).json()["details"].keys() == {"name"}
    response = api(alice).post("/assets", body + b" ")
    assert (response.status_code, response.json()["error"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_wrong_content_length_does_not_raise_the_limit(alice: User) -> None:
    client = Client(headers={"Authorization": f"Bearer {issue_token(alice)}"})
    response = client.generic("POST", "/assets", b"[" * (LIMIT + 2), "application/json", CONTENT_LENGTH=str(LIMIT * 9))
    assert response.status_code == 413


@pytest.mark.parametrize("body", ["[]", '"x"', "7", "null", "[{}]"])
def test_a_body_that_is_not_an_object_is_refused(api: Api, alice: User, body: str) -> None:
    for address in ("/assets", "/events"):
        response = api(alice).post(address, body)
        assert (response.status_code, response.json()["error"]) == (400, "INVALID_CONFIG")

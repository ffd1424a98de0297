import time
from email.utils import formatdate

import pytest

from integrations.core.answers import (
    error_for,
    excerpt,
    field_of,
    objects_at,
    reset_after,
    retry_after,
    text_at,
)
from integrations.core.errors import (
    MAX_WAIT_SECONDS,
    AuthFailed,
    ConnectionFailed,
    Gone,
    IntegrationError,
    RateLimited,
    Rejected,
)
from integrations.core.http import Response
from tests.flows import json_response, text_response


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("0.5", 0.5),
        ("-1", 0),
        ("99999999", MAX_WAIT_SECONDS),
        ("9" * 400, None),
        ("inf", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
        ("", None),
        ("soon", None),
        ("nan", None),
    ],
)
def test_a_wait_in_seconds_is_read_and_bounded(value: str, seconds: float | None) -> None:
    assert retry_after(text_response(429, retry_after=value)) == seconds


def test_a_wait_may_be_a_date() -> None:
    wait = retry_after(text_response(429, retry_after=formatdate(time.time() + 60, usegmt=True)))
    assert wait is not None
    assert 55 < wait <= 60


def test_a_limit_may_name_the_time_of_its_reset() -> None:
    wait = reset_after(text_response(403, x_reset=str(time.time() + 60)), "x-reset")
    assert wait is not None
    assert 50 < wait <= 60
    assert reset_after(text_response(403, x_reset="1"), "x-reset") == 1
    assert reset_after(text_response(403), "x-reset") is None


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf", "1e999", "9" * 400, "", "soon"])
def test_a_reset_that_is_no_time_is_none(value: str) -> None:
    assert reset_after(text_response(429, x_reset=value), "x-reset") is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [(float("nan"), None), (float("inf"), None), (-5.0, 0.0), (10**400, MAX_WAIT_SECONDS), (2, 2.0), (True, None)],
)
def test_an_error_keeps_no_wait_that_the_schedule_cannot_take(given: float, kept: float | None) -> None:
    assert RateLimited("Slow down.", retry_after=given).retry_after == kept


@pytest.mark.parametrize(
    ("status", "error", "fault"),
    [
        (301, ConnectionFailed, "service"),
        (400, ConnectionFailed, "service"),
        (401, AuthFailed, "target"),
        (403, AuthFailed, "target"),
        (410, Gone, "target"),
        (413, Rejected, "event"),
        (429, RateLimited, "service"),
        (503, ConnectionFailed, "service"),
    ],
)
def test_each_status_has_its_error_and_says_who_is_at_fault(
    status: int, error: type[IntegrationError], fault: str
) -> None:
    made = error_for(text_response(status, retry_after="7"), "The service", "its word")
    assert type(made) is error
    assert made.fault == fault
    assert made.message.startswith("The service ")


def test_an_excerpt_is_one_short_line() -> None:
    assert excerpt(" a\n b ") == "a b"
    assert excerpt(["no text"]) == ""
    assert len(excerpt("x" * 1000)) == 200
    assert excerpt("a\0b\ud800\u202ec") == "a b c"


def test_characters_that_no_database_stores_are_removed() -> None:
    response = text_response(200, '{"a": {"b\\u0000": "\\ud800x"}, "c": "\\ud83d\\ude00"}')
    assert response.json() == {"a": {"b\ufffd": "?x"}, "c": "😀"}
    assert field_of(response, "c") == "😀"
    assert Response(200, {}, b'"\xed\xa0\x80"').json() == "?"


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{", "[" * 100_000, '{"a": []}', '{"a": {"b": {}}}', '{"a": {"b": ""}}']
)
def test_a_missing_field_is_empty_or_an_error(body: str) -> None:
    response = text_response(200, body)
    assert not field_of(response, "a", "b")
    assert objects_at(response, "a", "b") == []
    with pytest.raises(ConnectionFailed, match=r"has no a\.b"):
        text_at(response, "a", "b")


def test_fields_are_found_by_their_path() -> None:
    response = json_response(200, {"a": {"b": 5, "c": [1, {"d": 2}]}})
    assert text_at(response, "a", "b") == "5"
    assert objects_at(response, "a", "c") == [{"d": 2}]
    assert objects_at(json_response(200, [{"e": 1}])) == [{"e": 1}]

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.core.payloads import MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, bounded, text_in, value_in


def test_values_are_found_in_any_payload() -> None:
    payload = {"a": {"b": {"c": "text"}, "n": 7, "yes": True, "list": [1]}}
    assert value_in(payload, "a", "b") == {"c": "text"}
    assert text_in(payload, "a", "b", "c") == "text"
    assert text_in(payload, "a", "n") == "7"
    for path in (("a", "yes"), ("a", "list", "b"), ("a", "n", "x"), ("b", "c"), ("a", "b")):
        assert text_in(payload, *path) == ""
    assert value_in(None, "a") is None


def test_a_payload_within_the_bound_stays_as_it_is() -> None:
    payload = {"text": "Grüße 🚀", "list": [1, 2.5, None, True, {"deep": ["x"] * 2000}], "long": "y" * 50_000}
    assert bounded(payload) == (payload, False)


@pytest.mark.parametrize(
    "payload",
    [
        {"list": [{"message": "x" * 1000}] * 2000},
        {"text": "ü" * 3_000_000},
        {"many": {str(number): number for number in range(100_000)}},
        {"wide": [[["x" * 100] * 10] * 100] * 100},
    ],
)
def test_a_payload_above_it_is_shortened_until_it_fits(payload: dict[str, Any]) -> None:
    shorter, is_cut = bounded(payload)
    assert is_cut
    assert 0 < len(json.dumps(shorter, ensure_ascii=False).encode()) <= MAX_PAYLOAD_BYTES * 1.3  # of which the spaces
    assert set(shorter) <= set(payload)


def test_what_cannot_be_shortened_enough_is_left_out() -> None:
    level: dict[str, Any] = {"x": "y" * 100}
    for _ in range(3):
        level = {f"{number:02}" * 50: level for number in range(20)}
    assert bounded(level) == ({}, True)


def test_nothing_is_kept_below_a_bounded_depth() -> None:
    level: dict[str, Any] = {}
    for _ in range(200):
        level = {"a": level}
    kept, depth = bounded(level)[0], 0
    while kept:
        kept, depth = kept["a"], depth + 1
    assert depth == MAX_PAYLOAD_DEPTH


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.lists(st.text() | st.integers())))
def test_whatever_is_kept_can_be_encoded_and_has_no_nul(payload: dict[str, Any]) -> None:
    kept, _ = bounded(payload)
    assert "\\u0000" not in json.dumps(kept).replace("\\\\", "")
    json.dumps(kept, ensure_ascii=False).encode()

import json
import time
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.core.form_texts import (
    LIST_EXPECTED,
    MAPPING_EXPECTED,
    MAX_FORM_TEXT_CHARACTERS,
    Kind,
    NotUnderstood,
    read_form_text,
)
from invenicum.events.names import PATTERN

event_names = st.from_regex(PATTERN, fullmatch=True) | st.sampled_from(
    ["push", "pull_request", "repo:push", "1", "null"]
)
header_names = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}", fullmatch=True)
header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)


def dart(value: Any) -> str:
    """A JSON value as Dart's `toString()` writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {dart(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dart, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("push, release", ["push", "release"]),
        ("push,release,", ["push", "release"]),
        (" push ", ["push"]),
        ("[push, release]", ["push", "release"]),
        ('["push", "release"]', ["push", "release"]),
        ('["push", 5]', ["push", 5]),
        ("[1, true, null]", ["1", "true", "null"]),
        ("[[a], b]", ["[a]", "b"]),
    ],
)
def test_a_list_is_read_in_every_form_of_text(text: str, items: list[Any]) -> None:
    assert read_form_text("list", text) == items


@pytest.mark.parametrize("text", ["", "  ", "[]", "[ ]", ",", "[,]"])
def test_a_list_of_nothing_is_blank(text: str) -> None:
    assert read_form_text("list", text) == ""


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ('{"Authorization": "Bearer x"}', {"Authorization": "Bearer x"}),
        (' {"A": 5} ', {"A": 5}),
        ("{}", {}),
        ("{X-Custom-Header: }", {"X-Custom-Header": ""}),
        ("{Authorization: , X-Custom: }", {"Authorization": "", "X-Custom": ""}),
        ("{Authorization: Bearer new, X-Custom: }", {"Authorization": "Bearer new", "X-Custom": ""}),
        ("{Link: https://a.example/}", {"Link": "https://a.example/"}),
        ("", ""),
    ],
)
def test_a_mapping_is_read_from_json_and_from_what_the_app_pre_fills(text: str, mapping: Any) -> None:
    assert read_form_text("mapping", text) == mapping


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer x",
        "hunter2",
        "[1]",
        "null",
        "{Accept: text/html, text/plain}",  # the second part could be a name
        "{Link: https://a, https://b}",
        '{Authorization: "x"}',
        "{A: {b: c}}",
        "{A: 1, A: 2}",
        "{A: 1,}",
        "{A: ,B:}",  # the second part could be the value of the first
        "{A: 1,B: 2}",
        "{A:1}",
        '{"A": "1"',
    ],
)
def test_a_mapping_that_could_mean_two_things_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_form_text("mapping", text)
    assert str(caught.value) == MAPPING_EXPECTED


@pytest.mark.parametrize("text", ["[push", "push]", "["])
def test_half_a_bracket_is_no_list(text: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_form_text("list", text)
    assert str(caught.value) == LIST_EXPECTED


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", " False ", False),
        ("boolean", "maybe", "maybe"),
        ("number", "5", 5),
        ("number", "-12", -12),
        ("number", "0.5", "0.5"),
        ("number", "9" * 5000, "9" * 5000),
        ("text", "[push, release]", "[push, release]"),
        ("text", " true ", " true "),
    ],
)
def test_flags_and_numbers_are_read_and_what_a_text_field_takes_is_untouched(
    kind: Kind, text: str, value: object
) -> None:
    read = read_form_text(kind, text)
    assert (type(read), read) == (type(value), value)


@given(st.lists(event_names, min_size=1, max_size=10))
def test_any_list_of_events_comes_back_from_what_the_app_makes_of_it(events: list[str]) -> None:
    assert read_form_text("list", dart(events)) == events
    assert read_form_text("list", ", ".join(events)) == events
    assert read_form_text("list", json.dumps(events)) == events


@given(st.dictionaries(header_names, st.just(""), max_size=10))
def test_any_headers_as_they_are_shown_come_back(headers: dict[str, str]) -> None:
    assert read_form_text("mapping", dart(headers)) == headers


@given(st.dictionaries(header_names, header_values, max_size=10))
def test_any_headers_with_values_come_back_from_json(headers: dict[str, str]) -> None:
    assert read_form_text("mapping", json.dumps(headers)) == headers


@given(header_names, header_values)
@example("0", ",1:")
def test_a_header_typed_into_the_apps_form_is_read_right_or_refused(name: str, value: str) -> None:
    try:
        read = read_form_text("mapping", dart({name: value, "X-Last": ""}))
    except NotUnderstood:
        return
    if ", " not in value:  # `1, B: 2` typed as a value is a second header to every reader
        assert read == {name: value.strip(), "X-Last": ""}


@given(st.sampled_from(get_args(Kind)), st.text() | st.text('[]{}:," 0-truefalsn.\\', max_size=40))
def test_no_text_crashes_it(kind: Kind, text: str) -> None:
    assert isinstance(outcome(kind, text), str | list | dict | int)


@pytest.mark.parametrize("kind", ["list", "mapping", "boolean", "number"])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 250_000 + "]" * 250_000,
        "{" + "a: " * 150_000 + "}",
        "{A:" + " " * 400_000 + "\n1}",
        "{" + "a" * 400_000 + "}",
        ", " * 249_000 + "x",
    ],
    ids=["deep", "colons", "spaces", "name", "commas"],
)
def test_the_largest_texts_are_parsed_at_once(kind: Kind, text: str) -> None:
    began = time.process_time()
    outcome(kind, text)
    assert time.process_time() - began < 5  # it takes hours if the time grows with the square of the length


def test_a_text_too_long_for_any_field_is_not_parsed() -> None:
    assert outcome("list", "x" * (MAX_FORM_TEXT_CHARACTERS + 1)) == "must have at most 500000 characters"


def outcome(kind: Kind, text: str) -> Any:
    """The value, or what is said about a text that has none."""
    try:
        return read_form_text(kind, text)
    except NotUnderstood as error:
        return str(error)

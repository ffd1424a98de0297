"""The comparison finds the differences that it should find."""

import json

import pytest

from .placeholders import Placeholders
from .player import _body
from .recording import differences, render

ID, OTHER = "0199c0de00007000800000000000abcd", "0199c0de00007000800000000000abce"
FAR = "2026-03-07T10:30:00Z"


def test_an_id_has_one_placeholder_everywhere() -> None:
    placeholders = Placeholders()
    dashed = f"{ID[:8]}-{ID[8:12]}-{ID[12:16]}-{ID[16:20]}-{ID[20:]}"
    assert placeholders.text(f"evt_{ID} cursor=n{ID} /webhooks/github/{dashed}").count("<id 1>") == 3
    assert placeholders.text(f"dlv_{OTHER} evt_{ID}") == "dlv_<id 2> evt_<id 1>"


def test_values_of_the_scenarios_are_not_replaced() -> None:
    for text in (FAR, "http://127.0.0.1:9", "asset-123", "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="):
        assert Placeholders().text(text) == text


def test_another_order_of_keys_is_a_difference() -> None:
    old, new = ({"x": {"json": dict(items)}} for items in ((("a", 1), ("b", 2)), (("b", 2), ("a", 1))))
    assert old == new
    assert len(differences(old, new)) == 1
    assert differences(old, old) == []


def test_another_order_of_scenarios_is_a_difference() -> None:
    assert differences({"a": {"status": 200}, "b": {"status": 200}}, {"b": {"status": 200}, "a": {"status": 200}})


@pytest.mark.parametrize(
    "text", ['{"a":1}', '{"a": 1}', '{"a":1.0}', '{"a":"é"}', '{"a":"\\u00e9"}', "a\nb", '{ "a":1}', ""]
)
def test_different_texts_are_recorded_differently(text: str) -> None:
    others = {'{"a":1}', '{"a": 1}', '{"a":1.0}', '{"a":"é"}', '{"a":"\\u00e9"}', "a\nb", '{ "a":1}', ""} - {text}
    assert render(_body(text)) not in {render(_body(other)) for other in others}


def test_the_recording_is_json() -> None:
    value = {"long": ["x" * 100] * 3, "deep": {"é": [1, None, {}], "": []}}
    assert json.loads(render(value)) == value

import json

import pytest

from invenicum import strict_json


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', "1e999", "[-1e999]"])
def test_a_number_that_is_not_finite_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a JSON number|too large"):
        strict_json.loads(text)


def test_other_json_is_read_as_by_python() -> None:
    text = '{"a": [1, 2.5, -1e30, null, true, "x"], "b": {}}'
    assert strict_json.loads(text) == json.loads(text)
    with pytest.raises(json.JSONDecodeError):
        strict_json.loads("{")


@pytest.mark.parametrize("depth", [101, 900, 30_000])
def test_a_stranger_cannot_nest_deeper_than_code_can_follow(depth: int) -> None:
    for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        with pytest.raises(ValueError, match="nested too deeply"):
            strict_json.loads_of_stranger(text)


def test_a_hundred_levels_are_read() -> None:
    text = "[" * 100 + "]" * 100
    assert strict_json.loads_of_stranger(text) == json.loads(text)
    assert strict_json.loads_of_stranger("1") == 1

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.core.redaction import redact


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("the key sk-12345 is wrong", ["sk-12345"], "the key [hidden] is wrong"),
        ('{"authorization":"Bearer abc/def=="}', ["Bearer abc/def=="], '{"authorization":"[hidden]"}'),
        ("no such token: abc/def==", ["Bearer abc/def=="], "no such token: [hidden]"),
        ("/?token=abc%2Fdef%3D%3D", ["abc/def=="], "/?token=[hidden]"),
        (r'{"token":"abc\/def"}', ["abc/def"], '{"token":"[hidden]"}'),
        (r'{"token":"q\"uote"}', ['q"uote'], '{"token":"[hidden]"}'),
        ("long-secret and long", ["long", "long-secret"], "[hidden] and [hidden]"),
        ("in a word", ["a", "in", ""], "in a word"),
        ("nothing here", [], "nothing here"),
    ],
)
def test_a_secret_is_hidden_in_every_encoding(text: str, secrets: list[Any], shown: str) -> None:
    assert redact(text, secrets) == shown


@given(st.text(), st.text(min_size=4), st.text())
def test_no_secret_remains(before: Any, secret: Any, after: Any) -> None:
    shown = redact(before + secret + after, [secret])
    assert secret not in shown.replace("[hidden]", "\0")

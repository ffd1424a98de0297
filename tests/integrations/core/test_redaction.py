import base64
import html
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from integrations.core.answers import excerpt
from integrations.core.redaction import HIDDEN, MIN_REDACTED_LENGTH, redact, redact_values
from integrations.core.spellings import decodings

Spelling = Callable[[str], str]


def as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def as_php_json(text: str) -> str:
    return as_json(text).replace("/", "\\/")


def as_careful_json(text: str) -> str:
    """As Go, Ruby on Rails and .NET write it."""
    return "".join(rf"\u{ord(one):04x}" if one in "<>&=+'\u2028" else as_json(one) for one in text)


def as_numbers(text: str) -> str:
    return "".join(one if one.isascii() and one.isalnum() else f"&#{ord(one)};" for one in text)


def in_small_letters(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


SPELLINGS: list[Spelling] = [
    str,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    in_small_letters,
    html.escape,
    as_numbers,
    as_json,
    as_php_json,
    as_careful_json,
]
# Without control characters: a secret has none, and no surrogates, which have no UTF-8.
SECRETS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc"]), min_size=8, max_size=60).filter(
    lambda text: text == " ".join(text.split())
)


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("the key sk-12345 is wrong", ["sk-12345"], "the key [hidden] is wrong"),
        ('{"authorization":"Bearer abc/def=="}', ["Bearer abc/def=="], '{"authorization":"[hidden]"}'),
        ("no such token: abc/def==", ["Bearer abc/def=="], "no such token: [hidden]"),
        ("/?token=abc%2Fdef%3D%3D", ["abc/def=="], "/?token=[hidden]"),
        ("/?to=%2F%3Ftoken%3Dabc%252Fdef%253D%253D", ["abc/def=="], "/?to=%2F%3Ftoken%3D[hidden]"),
        ("token=abc+def%2B", ["abc def+"], "token=[hidden]"),
        (r'{"token":"abc\/def"}', ["abc/def"], '{"token":"[hidden]"}'),
        (r'{"token":"abc\u003d\u0026"}', ["abc=&"], '{"token":"[hidden]"}'),
        (r'{"token":"q\"uote"}', ['q"uote'], '{"token":"[hidden]"}'),
        ("<p>abc&amp;d&#x27;ef&lt;</p>", ["abc&d'ef<"], "<p>[hidden]</p>"),
        ("key %73k-12345", ["sk-12345"], "key [hidden]"),
        ("sent Basic dXNlcjpwYXNzd29yZA==", ["password"], "sent Basic dXNlcjpw[hidden]ZA=="),
        ("you are user:password", ["Basic dXNlcjpwYXNzd29yZA=="], "you are [hidden]"),
        ("wrong: password", ["Basic dXNlcjpwYXNzd29yZA=="], "wrong: [hidden]"),
        ("long-secret and long", ["long", "long-secret"], "[hidden] and [hidden]"),
        ("in a word", ["a", "in", ""], "in a word"),
        ("nothing here", [], "nothing here"),
        ("", ["secret"], ""),
        ("said: the key sk-12…).", ["sk-12345"], "said: the key [hidden]…)."),
        ("a + b stays a + b", ["secret"], "a + b stays a + b"),
    ],
)
def test_a_secret_is_hidden_in_every_encoding(text: str, secrets: list[Any], shown: str) -> None:
    if "dXNlcjpw" in shown:
        assert "YXNzd29y" not in redact(text, secrets)
    else:
        assert redact(text, secrets) == shown


@given(st.text(), st.text(min_size=4), st.text())
def test_no_secret_remains(before: Any, secret: Any, after: Any) -> None:
    shown = redact(before + secret + after, [secret])
    assert secret not in shown.replace("[hidden]", "\0")


@given(st.text(max_size=20), SECRETS, st.text(max_size=20), st.lists(st.sampled_from(SPELLINGS), max_size=3))
def test_no_secret_remains_in_any_spelling(before: str, secret: str, after: str, spellings: list[Spelling]) -> None:
    spelled = secret
    for spelling in spellings:
        spelled = spelling(spelled)
    shown = redact(f"{before} {spelled} {after}", [secret])
    assert HIDDEN in shown
    assert not any(secret in decoded for decoded, _ in decodings(shown.replace(HIDDEN, "\0")))


@given(st.binary(max_size=9), SECRETS, st.binary(max_size=9), st.sampled_from(["standard", "url"]))
def test_no_secret_remains_in_base64(before: bytes, secret: str, after: bytes, alphabet: str) -> None:
    encode = base64.b64encode if alphabet == "standard" else base64.urlsafe_b64encode
    spelled = encode(before + secret.encode() + after).decode()
    for text in (spelled, quote(spelled, safe=""), f"Basic {spelled}"):
        shown = redact(text, [secret])
        assert HIDDEN in shown
        # At most a character at each end, of which only some bits are the secret's.
        assert len(shown.replace(HIDDEN, "")) <= len(text) - len(secret.encode()) * 8 // 6 + 2


@given(SECRETS, st.sampled_from(SPELLINGS), st.integers(0, 200), st.sampled_from(["", "…", "…)."]))
def test_no_part_of_a_secret_is_left_at_a_cut(secret: str, spelling: Spelling, cut: int, mark: str) -> None:
    spelled = spelling(secret)
    assume(cut < len(spelled))
    shown = redact(f"said: {spelled[:cut]}{mark}", [secret], is_cut=not mark)
    left = shown.removesuffix(mark)
    for decoded, _ in decodings(left):
        for length in range(MIN_REDACTED_LENGTH, len(secret) + 1):
            assert not decoded.endswith(secret[:length])


def test_a_cut_that_a_connector_makes_is_marked_for_redaction() -> None:
    message = f"Refused ({excerpt('x' * 190 + ' sk-1234567890')})."
    assert "sk-1" not in redact(message, ["sk-1234567890"])


@pytest.mark.parametrize(
    "text",
    ["a" * 8000, "%25" * 2600, "&amp;" * 1600, "\\u0061" * 1300, "\\" * 8000, "…" * 8000, "a…" * 4000, "%" * 8000],
)
@pytest.mark.parametrize("secret", ["a" * 4000, "a" * 3999 + "b", "%25" * 1000, "abcd"])
def test_redaction_takes_time_in_proportion_to_the_text(text: str, secret: str) -> None:
    def seconds() -> float:
        began = time.thread_time()
        redact(text, [secret], is_cut=True)
        return time.thread_time() - began

    assert min(seconds() for _ in range(3)) < 0.05


def test_every_text_in_a_value_is_redacted() -> None:
    value = {"a": ["x-secret", {"b": ("secret",)}], "n": 1, "none": None}
    assert redact_values(value, ["secret"]) == {"a": ["x-[hidden]", {"b": ["[hidden]"]}], "n": 1, "none": None}

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.core.inbound import (
    MAX_DEPTH,
    MAX_PAYLOAD,
    TOLERANCE,
    InboundRequest,
    Unreadable,
    bounded,
    event_name,
    has_standard_signature,
    is_recent,
    is_same,
    is_signed,
    text_in,
    value_in,
)
from invenicum.events.names import NAME

# The vector that the Standard Webhooks libraries share.
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_MOMENT = 1614265330


def request(body=b"", now=0.0, **headers):
    return InboundRequest({name.replace("_", "-"): value for name, value in headers.items()}, body, now)


def standard(now=STANDARD_MOMENT, body=STANDARD_BODY, **changes):
    return InboundRequest({**STANDARD, **{name.replace("_", "-"): value for name, value in changes.items()}}, body, now)


def test_the_shared_standard_webhooks_vector_is_right():
    assert has_standard_signature(standard(), STANDARD_SECRET)
    both = f"v1,AAAA {STANDARD['webhook-signature']} v2,x"
    assert has_standard_signature(standard(webhook_signature=both), STANDARD_SECRET)


@pytest.mark.parametrize(
    "wrong",
    [
        standard(body=STANDARD_BODY + b" "),
        standard(webhook_id="msg_another"),
        standard(webhook_timestamp="1614265331"),
        standard(webhook_timestamp="-1614265330"),
        standard(webhook_timestamp="soon"),
        standard(webhook_timestamp=""),
        standard(webhook_signature=""),
        standard(webhook_signature="v1,ümlaut"),
        standard(now=STANDARD_MOMENT + TOLERANCE + 1),
        standard(now=STANDARD_MOMENT - TOLERANCE - 1),
    ],
)
def test_a_standard_signature_that_is_wrong_or_old_proves_nothing(wrong):
    assert not has_standard_signature(wrong, STANDARD_SECRET)


def test_without_a_secret_nothing_is_proved():
    assert not has_standard_signature(standard(), "")
    assert not is_same("", "")
    empty_key = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"  # HMAC of nothing under no key
    assert not is_signed(request(x_signature=empty_key), "x-signature", "")


def test_the_hmac_of_rfc_4231_is_right():
    signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"  # its second test case
    incoming = request(b"what do ya want for nothing?", x_signature=f"sha256={signature}")
    assert is_signed(incoming, "x-signature", "Jefe", "sha256=")
    assert not is_signed(incoming, "x-signature", "Jefe")
    assert not is_signed(incoming, "x-other", "Jefe", "sha256=")
    assert not is_signed(incoming, "x-signature", "jefe", "sha256=")


@pytest.mark.parametrize(("timestamp", "recent"), [("700", True), ("1300", True), ("699", False), ("1301", False)])
def test_a_timestamp_holds_for_five_minutes_either_way(timestamp, recent):
    assert is_recent(timestamp, 1000) is recent


@pytest.mark.parametrize("timestamp", ["", "x", "1000.0", " 1000", "+1000", "1" * 5000, "\u0661\u0660\u0660\u0660"])
def test_a_timestamp_is_nothing_but_digits(timestamp):
    assert not is_recent(timestamp, 1000)


def test_a_payload_is_the_body_or_a_form_s_field():
    assert request(b'{"a": 1}').payload == {"a": 1}
    form = request(b"payload=%7B%22a%22%3A+1%7D", content_type="application/x-www-form-urlencoded")
    assert form.payload == {"a": 1}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b'"text"', b'{"a": NaN}', b'{"a": 1e999}', b"\xff\xfe", b'{"a":' * 100_000]
)
def test_anything_but_an_object_is_unreadable(body):
    with pytest.raises(Unreadable):
        _ = request(body).payload


@pytest.mark.parametrize("body", [b"", b"payload=", b"other=1", b"payload=%ff", b"&".join([b"a=1"] * 200)])
def test_a_form_without_a_payload_is_unreadable(body):
    with pytest.raises(Unreadable):
        _ = request(body, content_type="application/x-www-form-urlencoded; charset=utf-8").payload


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("push", "x.push"),
        ("pull_request", "x.pull_request"),
        ("repo:push", "x.repo.push"),
        ("APPLICATION_AUTHORIZED", "x.application_authorized"),
        ("merge request", "x.merge_request"),
        ("..a..b..", "x.a.b"),
        ("çé!", "x"),
        ("e" * 200, "x." + "e" * 98),
    ],
)
def test_an_event_is_named_after_its_type_and_what_the_service_calls_it(event, name):
    assert event_name("x", event) == name


@given(st.text(min_size=1).filter(lambda text: any(character in "abcxyz019" for character in text)))
def test_every_name_is_one_that_can_be_asked_for(event):
    name = event_name("github", event)
    assert NAME.fullmatch(name)
    assert len(name) <= 100


def test_values_are_found_however_odd_the_payload():
    payload = {"a": {"b": {"c": "text"}, "n": 7, "yes": True, "list": [1]}}
    assert value_in(payload, "a", "b") == {"c": "text"}
    assert text_in(payload, "a", "b", "c") == "text"
    assert text_in(payload, "a", "n") == "7"
    for path in (("a", "yes"), ("a", "list", "b"), ("a", "n", "x"), ("b", "c"), ("a", "b")):
        assert text_in(payload, *path) == ""
    assert value_in(None, "a") is None


def test_a_payload_within_the_bound_stays_as_it_is():
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
def test_a_payload_above_it_is_shortened_until_it_fits(payload):
    shorter, is_cut = bounded(payload)
    assert is_cut
    assert 0 < len(json.dumps(shorter, ensure_ascii=False).encode()) <= MAX_PAYLOAD * 1.3  # of which the spaces
    assert set(shorter) <= set(payload)


def test_what_cannot_be_shortened_enough_is_left_out():
    level: dict = {"x": "y" * 100}
    for _ in range(3):
        level = {f"{number:02}" * 50: level for number in range(20)}
    assert bounded(level) == ({}, True)


def test_nothing_is_kept_below_a_bounded_depth():
    level: dict = {}
    for _ in range(200):
        level = {"a": level}
    kept, depth = bounded(level)[0], 0
    while kept:
        kept, depth = kept["a"], depth + 1
    assert depth == MAX_DEPTH


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.lists(st.text() | st.integers())))
def test_whatever_is_kept_can_be_encoded_and_has_no_nul(payload):
    kept, _ = bounded(payload)
    assert "\\u0000" not in json.dumps(kept).replace("\\\\", "")
    json.dumps(kept, ensure_ascii=False).encode()

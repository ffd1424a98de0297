from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.core.http import encode_json
from integrations.core.inbound import (
    MAX_DELIVERY_ID_LENGTH,
    MAX_KEYS_PER_REQUEST,
    MAX_UNVERIFIED_BODY_BYTES,
    HookResponse,
    Inbound,
    InboundRequest,
    InvalidSignature,
    ProviderEvent,
    ReceivedEvent,
    Unreadable,
    event_name,
)
from integrations.core.payloads import MAX_PAYLOAD_BYTES
from invenicum.events.names import NAME


def request(body: bytes = b"", now: float = 0.0, **headers: str) -> InboundRequest:
    return InboundRequest({name.replace("_", "-"): value for name, value in headers.items()}, body, now)


class ExampleInbound(Inbound):
    """A provider whose requests state whether they are authentic."""

    def handshake(self, request: InboundRequest) -> HookResponse | None:
        return HookResponse(body=b"yes") if request.payload.get("challenge") else None

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        return tuple(request.payload["keys"])

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        return request.header("x-secret") == app_secret

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> ProviderEvent | HookResponse:
        if request.header("x-event") == "ping":
            return HookResponse(204)
        event_type, delivery_id = request.header("x-event"), request.header("x-delivery")
        return ProviderEvent(event_type, delivery_id, request.payload, "A title", "https://example.com", True)


def opened(body: bytes = b"{}", **headers: str) -> ReceivedEvent:
    given = {"x-event": "repo:push", "x-delivery": "d-1"} | {f"x-{name}": value for name, value in headers.items()}
    event = ExampleInbound().open(InboundRequest(given, body, 0.0), "example", None, {})
    assert isinstance(event, ReceivedEvent)
    return event


def test_an_authentic_event_is_opened_with_our_name_and_everything_the_provider_said() -> None:
    assert opened(b'{"a": 1}') == ReceivedEvent(
        name="example.repo.push",
        delivery_id="d-1",
        payload={"a": 1},
        title="A title",
        url="https://example.com",
        is_truncated=False,
        is_echo=True,
    )


def test_a_request_that_is_not_authentic_is_not_read() -> None:
    with pytest.raises(InvalidSignature):
        ExampleInbound().open(request(b"{", x_event="push"), "example", None, {}, "secret")


def test_a_request_without_an_event_is_opened_as_its_answer() -> None:
    assert ExampleInbound().open(request(x_event="ping"), "example", None, {}) == HookResponse(204)


def test_an_opened_payload_is_storable_and_bounded() -> None:
    assert opened(b'{"nul": "a\\u0000b"}').payload == {"nul": "a\ufffdb"}
    event = opened(b'{"text": "%s"}' % (b"x" * MAX_PAYLOAD_BYTES))
    assert event.is_truncated
    assert len(event.payload["text"]) < MAX_PAYLOAD_BYTES


@pytest.mark.parametrize("delivery_id", ["x" * (MAX_DELIVERY_ID_LENGTH + 1), "a\0b", "a\nb", "\ud800"])
def test_a_delivery_id_that_cannot_be_stored_is_replaced_by_its_digest(delivery_id: str) -> None:
    event, again, other = opened(delivery=delivery_id), opened(delivery=delivery_id), opened(delivery="y" * 300)
    assert len(event.delivery_id) == 64
    assert event.delivery_id == again.delivery_id != other.delivery_id
    assert opened(delivery="x" * MAX_DELIVERY_ID_LENGTH).delivery_id == "x" * MAX_DELIVERY_ID_LENGTH


def test_an_unverified_body_that_is_too_large_or_unreadable_answers_no_handshake_and_names_no_keys() -> None:
    large = b'{"challenge": true, "keys": ["a"], "more": "%s"}' % (b"x" * MAX_UNVERIFIED_BODY_BYTES)
    for body in (large, b"{"):
        assert ExampleInbound().answer_handshake(request(body)) is None
        assert ExampleInbound().keys_named_in(request(body)) == ()
    assert ExampleInbound().answer_handshake(request(b'{"challenge": true}')) == HookResponse(body=b"yes")


def test_the_keys_in_a_request_are_storable_and_bounded() -> None:
    assert ExampleInbound().keys_named_in(request(b'{"keys": ["a\\u0000", "", "b"]}')) == ("a\ufffd", "b")
    many = b'{"keys": [%s]}' % b",".join([b'"k"'] * (MAX_KEYS_PER_REQUEST + 1))
    assert len(ExampleInbound().keys_named_in(request(many))) == MAX_KEYS_PER_REQUEST
    assert ExampleInbound().keys_named_in(request(b'{"keys": ["%s", "%s"]}' % (b"k" * 256, b"k" * 255))) == ("k" * 255,)


def test_a_payload_is_the_body_or_a_form_s_field() -> None:
    assert request(b'{"a": 1}').payload == {"a": 1}
    form = request(b"payload=%7B%22a%22%3A+1%7D", content_type="application/x-www-form-urlencoded")
    assert form.payload == {"a": 1}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b'"text"', b'{"a": NaN}', b'{"a": 1e999}', b"\xff\xfe", b'{"a":' * 100_000]
)
def test_anything_but_an_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        _ = request(body).payload


@pytest.mark.parametrize("body", [b"", b"payload=", b"other=1", b"payload=%ff", b"&".join([b"a=1"] * 200)])
def test_a_form_without_a_payload_is_unreadable(body: bytes) -> None:
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
def test_an_event_is_named_after_its_type_and_what_the_service_calls_it(event: str, name: str) -> None:
    assert event_name("x", event) == name


@given(st.text(min_size=1).filter(lambda text: any(character in "abcxyz019" for character in text)))
def test_every_name_is_one_that_can_be_asked_for(event: str) -> None:
    name = event_name("github", event)
    assert NAME.fullmatch(name)
    assert len(name) <= 100


def test_an_opened_event_is_smaller_than_an_event_can_be() -> None:
    event = ProviderEvent(
        "push", "1", {"a": "x" * 239_000}, title="\x01" * 5000, url="https://example.com/" + "é" * 1980
    )
    opened = ReceivedEvent.of("github", event)
    assert not opened.is_truncated
    assert (len(opened.title), opened.url) == (500, event.url)
    assert len(encode_json({"title": opened.title, "url": opened.url, "payload": opened.payload})) < 255_000
    assert ReceivedEvent.of("github", ProviderEvent("push", "1", {}, url=event.url + "é")).url == ""

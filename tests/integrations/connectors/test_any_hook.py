"""Anyone can send hooks, and authentic ones can be odd too: an event, an answer, or a refusal with a reason."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.core.connector import Connector
from integrations.core.inbound import (
    MAX_DELIVERY_ID_LENGTH,
    MAX_EVENT_NAME_LENGTH,
    MAX_KEYS_PER_REQUEST,
    HookResponse,
    InboundRequest,
    InvalidSignature,
    ReceivedEvent,
    Unreadable,
)
from integrations.registry import CONNECTORS
from tests.integrations.connectors.strangers import (
    DATES,
    MAX_STEP_SECONDS,
    NUMBERS,
    ODD_BODIES,
    bodies,
    check_storable,
)
from tests.integrations.connectors.test_every_connector import STATE, config_of

NOW = 1_772_879_400.0
HEADERS = [
    *("x-github-event", "x-github-delivery", "x-hub-signature-256", "x-gitlab-event", "x-gitlab-token"),
    *("x-gitlab-event-uuid", "webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key"),
    *("x-event-key", "x-request-uuid", "x-hub-signature", "x-slack-signature", "x-slack-request-timestamp"),
    *("x-slack-retry-num", "x-signature-ed25519", "x-signature-timestamp", "x-dropbox-signature", "content-type"),
    *("x-goog-channel-id", "x-goog-channel-token", "x-goog-resource-state", "x-goog-message-number"),
]
VALUES = [
    *(*NUMBERS, *DATES, "", "push", "pull_request", "sha256=", "v0=", "v1,", "v1, v1,x " * 500, "1772879400", "change"),
    *("application/x-www-form-urlencoded", "application/json", "é" * 300, "x" * 8000),
]
values = st.sampled_from(VALUES) | st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=20)
requests = st.builds(
    InboundRequest,
    st.dictionaries(st.sampled_from(HEADERS), values, max_size=8),
    bodies | bodies.map(lambda body: b"payload=" + body),
    st.just(NOW),
    st.dictionaries(st.sampled_from(["challenge", "token"]), values, max_size=2),
)
HOOKED = [kind() for kind in CONNECTORS if kind.inbound]
each_connector = pytest.mark.parametrize("connector", HOOKED, ids=lambda kind: kind.type)


def handle(connector: Connector, request: InboundRequest) -> None:
    inbound, config = connector.inbound, config_of(connector)
    assert inbound
    assert inbound.has_proof(request.headers) in (True, False)
    answer = inbound.answer_handshake(request)
    assert answer is None or isinstance(answer, HookResponse)
    keys = inbound.keys_named_in(request)
    assert len(keys) <= MAX_KEYS_PER_REQUEST
    check_storable(keys)
    for secret in ("", "app-secret-0001"):
        with suppress(InvalidSignature, Unreadable):
            opened = inbound.open(request, connector.type, config, STATE, secret)
            assert isinstance(opened, ReceivedEvent | HookResponse)
    try:
        event = inbound.read(request, STATE)  # as if it were authentic
    except Unreadable:
        return
    if not isinstance(event, HookResponse):
        received = ReceivedEvent.of(connector.type, event)
        assert len(received.name) <= MAX_EVENT_NAME_LENGTH
        assert len(received.delivery_id) <= MAX_DELIVERY_ID_LENGTH
        check_storable([received.name, received.delivery_id, received.payload, received.title, received.url])


def fresh(request: InboundRequest) -> InboundRequest:
    """Without the body's value, which a request keeps."""
    return InboundRequest(request.headers, request.body, request.now, request.query)


def handle_in_time(connector: Connector, request: InboundRequest) -> None:
    def seconds() -> float:
        began = time.thread_time()
        handle(connector, fresh(request))
        return time.thread_time() - began

    # It goes through seven steps here.
    if seconds() > MAX_STEP_SECONDS:
        assert min(seconds() for _ in range(3)) < 7 * MAX_STEP_SECONDS


@each_connector
@settings(max_examples=40)
@given(request_=requests)
def test_any_hook_is_read_or_refused(connector: Connector, request_: Any) -> None:
    handle_in_time(connector, request_)


@each_connector
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_every_odd_body_is_survived(connector: Connector, content_type: str) -> None:
    for body in ODD_BODIES:
        headers = dict.fromkeys(HEADERS, "1") | {"content-type": content_type}
        handle_in_time(connector, InboundRequest(headers, body, NOW))

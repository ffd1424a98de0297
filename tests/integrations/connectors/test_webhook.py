import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from integrations.connectors.webhook import Webhook
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    Gone,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
)
from integrations.core.signing import ROTATION_OVERLAP_SECONDS, invenicum_signature
from integrations.egress.curl import run_flow
from tests.fakes.http_server import FakeServer
from tests.flows import CREATED, EVENT_ID, message, play, text_response

URL = "https://myservice.com/webhooks/invenicum"
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
SHARED = "a-secret-that-both-sides-have"
NOW = 1_772_879_400


def config(**more: Any) -> Webhook.Config:
    return Webhook.Config.parse({"url": URL, "secret": SECRET, **more})


def test_the_example_of_the_api_page_is_sent_as_it_says() -> None:
    parsed = config(headers={"Authorization": "Bearer token-here", "X-Custom-Header": "value"})
    _, (request,) = play(Webhook().deliver(CREATED, parsed, NOW), text_response(200))
    assert (request.method, request.url, request.body) == ("POST", URL, CREATED.body)
    assert request.headers["Authorization"] == "Bearer token-here"
    assert request.headers["Content-Type"] == "application/json"
    assert parsed.public()["headers"] == {"Authorization": "", "X-Custom-Header": ""}


def test_the_signature_is_the_one_of_the_api_pages_example() -> None:
    _, (request,) = play(Webhook().deliver(CREATED, config(secret=SHARED), NOW), text_response(204))
    expected = hmac.new(SHARED.encode(), CREATED.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Invenicum-Signature"] == f"sha256={expected}"


def test_a_known_body_and_secret_give_a_known_signature() -> None:
    event = message("asset.deleted", {"assetId": "a"})
    _, (request,) = play(Webhook().deliver(event, config(), NOW), text_response(200))
    assert request.headers["X-Invenicum-Signature"] == (
        "sha256=945658bf79ee27f572cff18bfee14083beb786580018dccccd70c15707a0129f"
    )
    assert request.headers["webhook-id"] == EVENT_ID
    assert request.headers["webhook-timestamp"] == str(NOW)
    assert request.headers["webhook-signature"] == "v1,BsBvu0Ncg4DkzcgIvar314GiY06ZZaIF3qJO7Fw8B8M="


def test_a_test_is_signed_like_a_delivery_if_there_is_a_secret() -> None:
    result, (request,) = play(Webhook().test(config()), text_response(200))
    assert json.loads(request.body)["event"] == "ping"
    assert Verifier(SECRET).verify(request.body, dict(request.headers))["data"] == {}
    assert result.metadata == {"statusCode": 200}


def test_event_and_delivery_are_named_in_headers() -> None:
    event = replace(CREATED, delivery="dlv_" + "0" * 32)
    _, (request,) = play(Webhook().deliver(event, config(), NOW), text_response(200))
    assert request.headers["X-Invenicum-Event"] == "asset.created"
    assert request.headers["X-Invenicum-Delivery"] == event.delivery


# RFC 9110, 9.3.1 and 9.3.5: content in GET and DELETE has no meaning, and may be refused.
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_method_without_content_is_signed_and_names_the_event(method: str) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        run_flow(Webhook().deliver(CREATED, config(url=server.url, method=method), int(time.time())))
        (received,) = server.wait_for(1)
    assert (received.method, received.body) == (method, b"")
    assert not {"content-type", "content-length"} & received.headers.keys()
    assert received.headers["x-invenicum-event"] == "asset.created"
    Verifier(SECRET).verify(received.body, dict(received.headers), json_parse=False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_method_with_content_sends_the_event(method: str) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        run_flow(Webhook().deliver(CREATED, config(url=server.url, method=method), int(time.time())))
        (received,) = server.wait_for(1)
    assert (received.method, received.body) == (method, CREATED.body)


# The specification: "At least 24 bytes (192 bits, 512 maximum)"
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_key_has_24_to_64_bytes(size: int) -> None:
    key = base64.b64encode(b"\xff" * size).decode()
    secrets = [f"whsec_{key}", f"whsec_{key.rstrip('=')}", "-" * size, key]
    for secret in secrets:
        _, (request,) = play(Webhook().deliver(CREATED, config(secret=secret), int(time.time())), text_response(200))
        if secret[0] != "-":
            assert Verifier(secret).verify(CREATED.body, dict(request.headers))


@pytest.mark.parametrize("size", [1, 23, 65, 96])
def test_a_shorter_or_longer_key_is_refused(size: int) -> None:
    key = base64.b64encode(b"\xff" * size).decode()
    for secret in (f"whsec_{key}", "-" * size, key):
        with pytest.raises(InvalidConfig) as caught:
            config(secret=secret)
        assert list(caught.value.details) == ["secret"]


def test_a_text_of_24_characters_that_is_base64_of_less_says_so() -> None:
    with pytest.raises(InvalidConfig, match="18 bytes and must have 24 to 64"):
        config(secret="abcdefghijklmnopqrstuvwx")


def test_a_secret_in_the_address_is_not_repeated() -> None:
    result, _ = play(Webhook().test(config(url=f"{URL}?key=s3cret")), text_response(200))
    assert result.message == "myservice.com answered HTTP 200"


def test_both_secrets_sign_until_the_old_one_has_run_out() -> None:
    old = "whsec_" + base64.b64encode(b"o" * 32).decode()
    until = NOW + ROTATION_OVERLAP_SECONDS
    rotated = Webhook.Config.load({"url": URL}, {"secret": SECRET, "previousSecret": old, "previousSecretUntil": until})
    half = NOW + ROTATION_OVERLAP_SECONDS // 2
    tries = [play(Webhook().deliver(CREATED, rotated, now), text_response(200))[1][0] for now in (NOW, half, until)]
    signatures = [
        {name: value for name, value in request.headers.items() if name.startswith("X-Invenicum-S")}
        for request in tries
    ]
    by_old, by_new = invenicum_signature(old, CREATED.body), invenicum_signature(SECRET, CREATED.body)
    assert signatures == [
        {"X-Invenicum-Signature": by_old, "X-Invenicum-Signature-Next": by_new},
        {"X-Invenicum-Signature": by_new, "X-Invenicum-Signature-Previous": by_old},
        {"X-Invenicum-Signature": by_new},
    ]
    assert [request.headers["webhook-signature"].count("v1,") for request in tries] == [2, 2, 1]
    assert {request.body for request in tries} == {CREATED.body}, "a retry has the same body"


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "Transfer-Encoding", "Connection", "webhook-id", "Proxy-X"),
        *("X-Invenicum-Signature", "x-invenicum-signature-next", "X-Invenicum-Signature-Previous"),
        *("X-Invenicum-Event", "X-Invenicum-Delivery", "X-Invenicum-Anything"),
        *("Content-Encoding", "content-range", "TE", "Trailer", "HTTP2-Settings", "Upgrade", "Expect"),
        *("Content-Digest", "Repr-Digest", "Digest", "Content-MD5"),
    ],
)
def test_no_header_may_forge_the_signature_or_the_framing(name: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(headers={name: "x"})
    assert caught.value.details == {"headers": [f"{name}: is set by the sender and cannot be chosen"]}


@pytest.mark.parametrize("headers", [{"bad name": "x"}, {"A:": "x"}, {"A": "x\r\nB: y"}, {"A": "é"}, {"": "x"}])
def test_no_header_may_break_the_request(headers: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(headers=headers)
    assert list(caught.value.details) == ["headers"]


def test_a_header_has_one_spelling() -> None:
    with pytest.raises(InvalidConfig, match="X-Key and x-key"):
        config(headers={"X-Key": "1", "x-key": "2"})


def test_a_configured_content_type_replaces_ours() -> None:
    parsed = config(headers={"content-type": "application/vnd.acme+json"})
    _, (request,) = play(Webhook().deliver(CREATED, parsed, NOW), text_response(200))
    names = [name for name in request.headers if name.lower() == "content-type"]
    assert [request.headers[name] for name in names] == ["application/vnd.acme+json"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, ConnectionFailed),
        (400, ConnectionFailed),
        (401, AuthFailed),
        (410, Gone),
        (413, Rejected),
        (429, RateLimited),
        (500, ConnectionFailed),
    ],
)
def test_only_a_2xx_counts_as_delivered(status: int, error: type[IntegrationError]) -> None:
    with pytest.raises(error) as caught:
        play(Webhook().deliver(CREATED, config(), NOW), text_response(status, retry_after="7"))
    assert type(caught.value) is error
    assert caught.value.retry_after == (7 if status in (400, 401, 429, 500) else None)


def test_a_refusal_says_what_to_check() -> None:
    with pytest.raises(AuthFailed, match=r"HTTP 403\. Check the headers, and that it knows the signing secret\."):
        play(Webhook().test(config()), text_response(403))


def test_a_receiver_on_a_real_socket_can_verify_what_arrives() -> None:
    with FakeServer(lambda request: (204, {}, b"")) as server:
        run_flow(Webhook().test(config(url=server.url, method="PUT", headers={"X-Key": "1"})))
        (received,) = server.wait_for(1)
    assert received.method == "PUT"
    assert received.headers["x-key"] == "1"
    assert Verifier(SECRET).verify(received.body, dict(received.headers))["event"] == "ping"

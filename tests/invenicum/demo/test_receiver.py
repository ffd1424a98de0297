"""Known vectors: made with the `standardwebhooks` library, and with `openssl dgst -sha256 -hmac`."""

import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from integrations.connectors.webhook import Webhook
from integrations.core.signing import generate_private_key, verification_key
from invenicum.demo.receiver import (
    MAX_BODY_BYTES,
    Arrival,
    Receiver,
    read_arrival,
    verify_invenicum,
    verify_standard,
)
from tests.flows import CREATED, play, text_response
from tests.waiting import WAIT_DEADLINE_SECONDS

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
SIGNED_AT = 1614265330
HEADERS = {
    "x-invenicum-signature": "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c",
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(SIGNED_AT),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_known_signatures_are_verified() -> None:
    assert verify_invenicum(HEADERS, BODY, SECRET)
    assert verify_standard(HEADERS, BODY, SECRET, SIGNED_AT)


@pytest.mark.parametrize("secret", ["whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "not base64 at all"])
def test_another_secret_verifies_nothing(secret: str) -> None:
    assert not verify_invenicum(HEADERS, BODY, secret)
    assert not verify_standard(HEADERS, BODY, secret, SIGNED_AT)


def test_a_changed_body_is_not_verified() -> None:
    assert not verify_invenicum(HEADERS, BODY + b" ", SECRET)
    assert not verify_standard(HEADERS, BODY + b" ", SECRET, SIGNED_AT)


def test_missing_headers_are_not_verified() -> None:
    assert not verify_invenicum({}, BODY, SECRET)
    assert not verify_standard({}, BODY, SECRET, SIGNED_AT)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_of_another_time_is_not_verified(seconds: int) -> None:
    assert not verify_standard(HEADERS, BODY, SECRET, SIGNED_AT + seconds)


def test_one_of_several_signatures_is_enough_while_a_secret_is_rotated() -> None:
    headers = {**HEADERS, "webhook-signature": f"v1,AAAA {HEADERS['webhook-signature']}"}
    assert verify_standard(headers, BODY, SECRET, SIGNED_AT)


@pytest.fixture
def arrivals() -> list[Arrival]:
    return []


@pytest.fixture
def connection(arrivals: list[Arrival]) -> Iterator[HTTPConnection]:
    with Receiver(0, SECRET, lambda: SIGNED_AT, arrivals.append) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        client = HTTPConnection("127.0.0.1", receiver.server_port, timeout=WAIT_DEADLINE_SECONDS)
        yield client
        client.close()
        receiver.shutdown()
        thread.join(WAIT_DEADLINE_SECONDS)


def post(connection: HTTPConnection, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
    connection.request(method, "/anything", body, headers)
    response = connection.getresponse()
    response.read()
    return response.status


def test_a_verified_request_is_accepted_and_reported(connection: HTTPConnection, arrivals: list[Arrival]) -> None:
    assert post(connection, BODY, HEADERS) == 200
    assert arrivals == [Arrival(HEADERS["webhook-id"], {"test": 2432232314}, True, True)]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_every_method_that_an_integration_can_use_is_accepted(connection: HTTPConnection, method: str) -> None:
    assert post(connection, BODY, HEADERS, method) == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_method_without_a_body_is_accepted(connection: HTTPConnection, arrivals: list[Arrival], method: str) -> None:
    config = Webhook.Config.parse({"url": "https://example.com/", "method": method, "secret": SECRET})
    _, (request,) = play(Webhook().deliver(CREATED, config, SIGNED_AT), text_response(200))
    assert post(connection, request.body, dict(request.headers), method) == 200
    assert [(arrival.verified, arrival.body) for arrival in arrivals] == [(True, None)]


def test_a_public_key_verifies_what_its_private_key_signs() -> None:
    secret = generate_private_key()
    config = Webhook.Config.parse({"url": "https://example.com/", "signature": "v1a", "secret": secret})
    _, (request,) = play(Webhook().deliver(CREATED, config, SIGNED_AT), text_response(200))
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert read_arrival(headers, request.body, verification_key(secret), SIGNED_AT).verified
    for key, body, now in (
        (verification_key(generate_private_key()), request.body, SIGNED_AT),
        (verification_key(secret), b"{}", SIGNED_AT),
        (verification_key(secret), request.body, SIGNED_AT + 301),
        ("whpk_short", request.body, SIGNED_AT),
    ):
        assert not read_arrival(headers, body, key, now).verified


def test_a_second_delivery_is_recognised_by_its_id(connection: HTTPConnection, arrivals: list[Arrival]) -> None:
    assert [post(connection, BODY, HEADERS), post(connection, BODY, HEADERS)] == [200, 200]
    assert [arrival.duplicate for arrival in arrivals] == [False, True]


def test_a_forged_request_is_refused_and_not_remembered(connection: HTTPConnection, arrivals: list[Arrival]) -> None:
    assert post(connection, b"forged", HEADERS) == 401
    assert post(connection, BODY, HEADERS) == 200
    assert [(arrival.verified, arrival.duplicate) for arrival in arrivals] == [(False, False), (True, False)]
    assert arrivals[0].body is None


def test_a_body_without_a_length_or_too_long_is_refused(connection: HTTPConnection, arrivals: list[Arrival]) -> None:
    assert post(connection, b"", {"Content-Length": str(MAX_BODY_BYTES + 1)}) == 413
    connection.close()
    connection.putrequest("POST", "/")
    connection.endheaders()
    assert connection.getresponse().status == 411
    assert arrivals == []

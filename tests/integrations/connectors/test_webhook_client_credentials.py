"""Access tokens that are asked for with a client id and secret (RFC 6749, 4.4)."""

import base64
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from integrations.connectors.webhook import Webhook
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    IntegrationError,
    InvalidConfig,
    NotNow,
    RateLimited,
)
from integrations.core.http import Response
from integrations.egress.curl import Finished, FlowDriver, run_flow
from invenicum.accounts.models import User
from tests.fakes.http_server import Answer, FakeServer, Received, json_answer
from tests.flows import CREATED, json_response, play, text_response
from webhooks.engine.worker import drain
from webhooks.models import Attempt, Delivery

SECRET = "a-secret-that-both-sides-have"
CLIENT_SECRET = "s3cret:of/this+side"
NOW = 1_772_879_400
TOKEN = json_response(200, {"access_token": "token-0001", "token_type": "Bearer", "expires_in": 3600})


class Both(FakeServer):
    """A token endpoint at `/token`, and a receiver that takes the newest token only and repeats what it was sent."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.number = 0
        self.expires_in: Any = 3600
        self.refuses = False
        self.fails: Answer | None = None

    @property
    def asked(self) -> list[Received]:
        return [request for request in self.requests if request.path == "/token"]

    def _handle(self, request: Received) -> Answer:
        if request.path == "/token":
            self.number += 1
            token = {"access_token": f"token-{self.number:04}", "token_type": "bearer", "expires_in": self.expires_in}
            return self.fails or json_answer(200, token)
        is_known = request.headers.get("authorization") == f"Bearer token-{self.number:04}"
        status = 401 if self.refuses or not is_known else 200
        return status, {}, request.headers.get("authorization", "").encode()


@pytest.fixture
def both() -> Iterator[Both]:
    with Both() as server:
        yield server


def values(url: str, **more: Any) -> dict[str, Any]:
    client = {"oauthTokenUrl": f"{url}/token", "oauthClientId": "the client", "oauthClientSecret": CLIENT_SECRET}
    return {"url": f"{url}/hook", "secret": SECRET, **client, **more}


def config(url: str = "http://127.0.0.1:9", **more: Any) -> Webhook.Config:
    return Webhook.Config.parse(values(url, **more))


def deliver(config: Webhook.Config, now: int = NOW) -> Any:
    return Webhook().deliver(CREATED, config, now)


def test_a_token_is_asked_for_once_and_sent(both: Both) -> None:
    parsed = config(both.url)
    for _ in range(3):
        run_flow(deliver(parsed))
    (asked,) = both.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"]}
    # RFC 6749, 2.3.1: both halves are form-encoded.
    pair = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "the+client:s3cret%3Aof%2Fthis%2Bside"
    assert [one.headers["authorization"] for one in both.requests if one.path == "/hook"] == ["Bearer token-0001"] * 3


def test_id_and_secret_may_go_in_the_form_with_scope_and_audience(both: Both) -> None:
    run_flow(deliver(config(both.url, oauthClientAuth="body", oauthScope="a b", oauthAudience="https://api.example")))
    (asked,) = both.asked
    assert "authorization" not in asked.headers
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["a b"],
        "audience": ["https://api.example"],
        "client_id": ["the client"],
        "client_secret": [CLIENT_SECRET],
    }


def test_a_token_is_renewed_before_it_expires(both: Both) -> None:
    parsed = config(both.url)
    for now in (NOW, NOW + 3539, NOW + 3540, NOW + 3600):
        run_flow(deliver(parsed, now))
    assert len(both.asked) == 2


@pytest.mark.parametrize("expires_in", [None, "soon", "NaN", 1e300, -5, 0, {}])
def test_a_lifetime_of_any_kind_is_bounded(both: Both, expires_in: Any) -> None:
    both.expires_in = expires_in
    parsed = config(both.url)
    run_flow(deliver(parsed))
    assert parsed.held_token
    assert NOW < parsed.held_token.expires_at <= NOW + 86_400


def test_a_refused_token_is_renewed_once(both: Both) -> None:
    parsed = config(both.url)
    run_flow(deliver(parsed))
    both.number += 1  # revoked on the other side
    run_flow(deliver(parsed, NOW + 120))
    assert len(both.asked) == 2


def test_a_receiver_that_refuses_every_token_does_not_lead_to_a_new_one_each_time(both: Both) -> None:
    both.refuses = True
    parsed = config(both.url)
    for _ in range(4):
        with pytest.raises(AuthFailed):
            run_flow(deliver(parsed, NOW + 30))
    assert len(both.asked) == 1


def test_of_many_at_once_one_asks_and_the_others_wait(both: Both) -> None:
    parsed = config(both.url)
    with FlowDriver[int]() as driver:
        for number in range(20):
            driver.start(number, deliver(parsed))
        ends: list[Finished[int]] = []
        while driver.in_flight or len(ends) < 20:
            ends += driver.poll(60)
    assert len(both.asked) == 1
    assert [type(end.error) for end in ends if end.error] == [NotNow] * 19


def test_a_flow_that_is_abandoned_lets_the_next_one_ask() -> None:
    parsed = config()
    abandoned = deliver(parsed)
    next(abandoned)
    with pytest.raises(NotNow):
        next(deliver(parsed))
    abandoned.close()
    _, requests = play(deliver(parsed), TOKEN, text_response(200))
    assert requests[1].headers["Authorization"] == "Bearer token-0001"


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (json_response(401, {"error": "invalid_client"}), AuthFailed, r"refused the client \(invalid_client\)"),
        (json_response(400, {"error": "invalid_scope"}), AuthFailed, "invalid_scope"),
        (text_response(403), AuthFailed, "HTTP 403"),
        (text_response(404), InvalidConfig, "check oauthTokenUrl"),
        (text_response(410), InvalidConfig, "check oauthTokenUrl"),
        (text_response(429, retry_after="30"), RateLimited, "slow down"),
        (json_response(400, {"error": "temporarily_unavailable"}), ConnectionFailed, "HTTP 400"),
        (text_response(500), ConnectionFailed, "HTTP 500"),
        (text_response(302, location="https://other.example"), ConnectionFailed, "never followed"),
        (text_response(200, "<html>"), ConnectionFailed, "no access token"),
        (json_response(200, {"access_token": "a\r\nb"}), ConnectionFailed, "no access token"),
        (json_response(200, {"access_token": "x" * 16_385}), ConnectionFailed, "no access token"),
        (json_response(200, {"access_token": "t", "token_type": "mac"}), InvalidConfig, "only bearer"),
    ],
)
def test_a_token_endpoint_that_gives_none_is_told(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(deliver(config()), answer)
    assert type(caught.value) is error


def test_no_error_repeats_the_client_secret() -> None:
    with pytest.raises(AuthFailed) as caught:
        play(deliver(config()), json_response(400, {"error": f"no {CLIENT_SECRET}"}))
    assert CLIENT_SECRET not in caught.value.message


def test_a_token_endpoint_that_asks_to_wait_is_not_asked_before() -> None:
    parsed = config()
    with pytest.raises(RateLimited):
        play(deliver(parsed), text_response(429, retry_after="300"))
    with pytest.raises(RateLimited) as caught:
        play(deliver(parsed, NOW + 100))
    assert caught.value.retry_after == 200
    play(deliver(parsed, NOW + 300), TOKEN, text_response(200))


def test_a_valid_token_is_used_while_the_endpoint_is_down() -> None:
    parsed = config()
    play(deliver(parsed), TOKEN, text_response(200))
    for now in (NOW + 3550, NOW + 3560):
        _, requests = play(deliver(parsed, now), text_response(503), text_response(200))
        assert requests[1].headers["Authorization"] == "Bearer token-0001"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"oauthClientSecret": None}, "oauthClientSecret"),
        ({"oauthClientId": ""}, "oauthClientSecret"),
        ({"headers": {"authorization": "x"}}, "oauthTokenUrl"),
        ({"oauthTokenUrl": "http://login.example.com/token"}, "oauthTokenUrl"),
    ],
)
def test_what_is_missing_or_twice_is_told_when_it_is_saved(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(**more)
    assert list(caught.value.details) == [field]


@pytest.mark.django_db
def test_the_secret_is_asked_for_again_if_token_or_secret_would_go_elsewhere(api: Any, alice: User) -> None:
    client, before = api(alice), values("http://127.0.0.1:9")
    assert client.post("/integrations", {"type": "webhook", "config": before}).status_code == 200
    for name in ("url", "oauthTokenUrl"):
        moved = {**before, "oauthClientSecret": "", name: "https://evil.example.com/"}
        answer = client.post("/integrations", {"type": "webhook", "config": moved})
        assert (answer.status_code, set(answer.json()["details"])) == (400, {"oauthClientSecret"})


@pytest.mark.django_db
def test_neither_token_nor_secret_is_in_the_delivery_log(api: Any, alice: User, both: Both) -> None:
    client = api(alice)
    assert client.post("/integrations", {"type": "webhook", "config": values(both.url)}).status_code == 200
    for number in range(3):
        client.post("/integrations/webhook/ping")
        drain()
        assert Delivery.objects.filter(status="delivered").count() == number + 1
    excerpts = list(Attempt.objects.order_by("id").values_list("response_excerpt", flat=True))
    assert excerpts[0] == "", "the token was new, so that nothing of the response is kept"
    assert excerpts[1:] == ["Bearer [hidden]"] * 2
    assert len(both.asked) == 1
    named = [request.headers["x-invenicum-delivery"] for request in both.requests if request.path == "/hook"]
    assert named == [delivery.public_id for delivery in Delivery.objects.order_by("id")]


def test_it_works_against_real_clocks(both: Both) -> None:
    assert run_flow(Webhook().test(config(both.url))).metadata == {"statusCode": 200}
    assert time.time() > NOW

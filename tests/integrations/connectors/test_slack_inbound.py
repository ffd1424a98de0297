import json

import pytest

from integrations.connectors.slack import Slack
from integrations.core.inbound import HookResponse, InboundRequest
from tests.inbound import SIGNING_SECRET, sign
from tests.integrations.connectors.inbound_requests import config_of, inbound_of, incoming, read_event, read_response

INBOUND = inbound_of(Slack)
# https://docs.slack.dev/authentication/verifying-requests-from-slack
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_MOMENT = 1531420618
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def slack_request(
    now: float = SLACK_MOMENT,
    body: bytes = SLACK_BODY,
    signature: str = SLACK_SIGNATURE,
    moment: str = str(SLACK_MOMENT),
) -> InboundRequest:
    return incoming(body, now, x_slack_signature=signature, x_slack_request_timestamp=moment)


@pytest.mark.parametrize("age", [0, 300, -300])
def test_slacks_own_example_verifies_for_five_minutes(age: int) -> None:
    assert INBOUND.is_authentic(slack_request(SLACK_MOMENT + age), config_of(Slack), SLACK_SECRET)
    assert INBOUND.is_authentic(
        slack_request(SLACK_MOMENT + age), config_of(Slack, signingSecret=SIGNING_SECRET), SLACK_SECRET
    )


def test_a_user_s_own_slack_app_signs_with_the_user_s_secret() -> None:
    signature = f"v0={sign(SIGNING_SECRET, b'v0:1531420618:' + SLACK_BODY)}"
    config = config_of(Slack, signingSecret=SIGNING_SECRET)
    assert INBOUND.is_authentic(slack_request(signature=signature), config, "")


@pytest.mark.parametrize(
    "wrong",
    [
        slack_request(SLACK_MOMENT + 301),
        slack_request(SLACK_MOMENT - 301),
        slack_request(body=SLACK_BODY + b"&x=1"),
        slack_request(moment=str(SLACK_MOMENT + 1)),
        slack_request(moment="now"),
        slack_request(signature=SLACK_SIGNATURE.removeprefix("v0=")),
        slack_request(signature=""),
    ],
)
def test_other_slack_requests_are_refused(wrong: InboundRequest) -> None:
    assert not INBOUND.is_authentic(wrong, config_of(Slack), SLACK_SECRET)
    assert not INBOUND.is_authentic(slack_request(), config_of(Slack), "")


def test_a_slack_team_is_read_from_the_address_of_its_webhook() -> None:
    assert INBOUND.keys_of(config_of(Slack), {}) == ("T00000000",)
    assert INBOUND.keys_in(incoming({"team_id": "T00000000"})) == ("T00000000",)


def test_slack_s_challenge_is_answered() -> None:
    # https://docs.slack.dev/reference/events/url_verification
    payload = {"token": "Jhj5dZrVaK7ZwHHjRyZWjbDl", "challenge": "3eZbrw1aB", "type": "url_verification"}
    response = INBOUND.answer_handshake(incoming(payload))
    assert response is not None
    assert (response.status, json.loads(response.body)) == (200, {"challenge": "3eZbrw1aB"})
    assert INBOUND.answer_handshake(incoming({"type": "event_callback"})) is None


def test_a_slack_event_is_named_by_its_type_and_known_by_its_id() -> None:
    payload = {"type": "event_callback", "event_id": "Ev08MFMKH6", "event": {"type": "message", "text": "Hello *you*"}}
    event = read_event(Slack, incoming({"token": "an-old-secret", **payload}))
    assert event.payload == payload
    assert (event.event_type, event.delivery_id, event.title) == ("message", "Ev08MFMKH6", "Hello *you*")
    assert read_event(Slack, incoming({"type": "app_rate_limited"})).event_type == "app_rate_limited"


@pytest.mark.parametrize("event", [{"type": "message", "bot_id": "B1"}, {"type": "message", "subtype": "bot_message"}])
def test_messages_of_bots_in_slack_are_left_out_to_prevent_loops(event: dict[str, str]) -> None:
    assert read_response(Slack, incoming({"event": event})) == HookResponse()

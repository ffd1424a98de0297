"""The connection test with a bot token, with prepared responses and against a fake Slack."""

from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.slack import Slack
from integrations.core.connector import TestResult
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
)
from integrations.core.http import Request, Response
from integrations.egress.curl import run_flow
from tests.fakes.slack import CHANNEL, GENERAL, IDENTITY, TOKEN, WEBHOOK, FakeSlack
from tests.flows import json_response, play, text_response

TEAM = json_response(200, {"ok": True, **IDENTITY})
PROVED = "Successfully connected to Slack channel #asset-updates"
FACTS = {"teamName": "Invenicum Team", "channelId": "C123456789"}


def config(channel: str = "#asset-updates", **more: Any) -> Slack.Config:
    return Slack.Config.parse({"webhookUrl": WEBHOOK, "channel": channel, "botToken": TOKEN, **more})


def connected(channel: str = "#asset-updates") -> Slack.Config:
    """The configuration after OAuth, with the grant's token."""
    parsed = Slack.Config.parse({"webhookUrl": WEBHOOK, "channel": channel})
    return parsed.model_copy(update={"access_token": SecretStr(TOKEN)})


def look_up(parsed: Slack.Config, *answers: Response) -> tuple[TestResult, list[Request]]:
    return play(Slack().test(parsed), text_response(400, "invalid_payload"), *answers)


def no_scope(needed: str) -> Response:
    return json_response(200, {"ok": False, "error": "missing_scope", "needed": needed, "provided": "incoming-webhook"})


def test_a_bot_token_that_finds_the_channel_proves_what_the_api_page_says() -> None:
    more = {"ok": True, "channels": [GENERAL], "response_metadata": {"next_cursor": "abc="}}
    last = {"ok": True, "channels": [CHANNEL], "response_metadata": {"next_cursor": ""}}
    result, requests = look_up(config(), TEAM, json_response(200, more), json_response(200, last))
    assert (result.message, result.metadata) == (PROVED, FACTS)
    assert "types=public_channel%2Cprivate_channel" in requests[2].url
    assert "cursor=abc%3D" in requests[3].url
    assert all(TOKEN not in request.url for request in requests)


def test_a_channel_given_by_its_id_is_asked_for_by_its_id() -> None:
    result, requests = look_up(config("C123456789"), TEAM, json_response(200, {"ok": True, "channel": CHANNEL}))
    assert result.metadata == FACTS
    assert requests[2].url.endswith("/api/conversations.info?channel=C123456789")


@pytest.mark.parametrize(
    ("channel", "answer"),
    [
        ("#asset-updates", {"ok": True, "channels": [GENERAL]}),
        ("C999999999", {"ok": False, "error": "channel_not_found"}),
    ],
)
def test_a_channel_that_the_bot_cannot_see_is_named(channel: str, answer: Any) -> None:
    with pytest.raises(Rejected, match=f"Channel not found: the bot cannot see channel {channel} in Slack"):
        look_up(config(channel), TEAM, json_response(200, answer))


def test_a_direct_message_cannot_be_checked() -> None:
    result, _ = look_up(config("@maria"), TEAM)
    assert result.message.startswith("The webhook's address of Invenicum Team works. Whether it posts to @maria could")
    assert result.metadata == {"teamName": "Invenicum Team"}


def test_with_more_channels_than_are_read_the_channel_stays_unchecked() -> None:
    page = json_response(200, {"ok": True, "channels": [GENERAL], "response_metadata": {"next_cursor": "more"}})
    result, _ = look_up(config(), TEAM, *[page] * 10)
    assert "could not be checked" in result.message
    assert result.metadata == {"teamName": "Invenicum Team"}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (json_response(200, {"ok": False, "error": "invalid_auth"}), AuthFailed, "refused the bot token"),
        (no_scope("channels:read"), AuthFailed, "channels:read"),
        (json_response(200, {"ok": False, "error": "fatal_error"}), ConnectionFailed, "fatal_error to auth.test"),
        (json_response(200, ["odd"]), ConnectionFailed, "something odd"),
        (json_response(200, {"ok": True}), ConnectionFailed, "has no team"),
        (text_response(502, "<html>"), ConnectionFailed, "HTTP 502"),
        (text_response(429, "", retry_after="30"), RateLimited, "slow down"),
    ],
)
def test_a_refused_lookup_fails_the_test(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says):
        look_up(config(), answer)


def test_a_token_of_another_workspace_is_named() -> None:
    with pytest.raises(InvalidConfig, match="belongs to the workspace Other") as caught:
        look_up(config(), json_response(200, {"ok": True, "team": "Other", "team_id": "T11111111"}))
    assert set(caught.value.details) == {"botToken"}


def test_an_organisations_token_with_another_id_is_accepted() -> None:
    team = json_response(200, {"ok": True, "team": "Acme", "team_id": "E11111111"})
    result, _ = look_up(config(), team, json_response(200, {"ok": True, "channels": [CHANNEL]}))
    assert result.metadata["teamName"] == "Acme"


@pytest.mark.parametrize("answer", [no_scope("channels:read"), json_response(200, {"ok": True, "channels": [GENERAL]})])
def test_a_connected_account_that_cannot_see_the_channel_still_proves_the_team(answer: Response) -> None:
    result, requests = look_up(connected(), TEAM, answer)
    assert "could not be checked" in result.message
    assert result.metadata == {"teamName": "Invenicum Team"}
    assert "private_channel" not in requests[2].url


def test_slacks_own_answers_are_understood() -> None:
    with FakeSlack() as fake:
        slack = Slack({"apiUrl": fake.url})
        for parsed in (config(), config("C123456789")):
            assert run_flow(slack.test(parsed)).metadata == FACTS
        assert run_flow(slack.test(config())).message == PROVED
        with pytest.raises(Rejected):
            run_flow(slack.test(config("C999999999")))
        assert fake.posted == []
    with FakeSlack("incoming-webhook", "channels:read") as fake:
        slack = Slack({"apiUrl": fake.url})
        assert run_flow(slack.test(connected())).metadata == FACTS
        with pytest.raises(AuthFailed, match="lacks the scope groups:read"):
            run_flow(slack.test(config()))

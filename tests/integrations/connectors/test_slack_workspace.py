"""The connection test with a bot token, with prepared responses and against a fake Slack."""

from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.slack import Slack
from integrations.connectors.slack.errors import MissingScope, WrongTarget
from integrations.core.connector import TestResult
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited
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
    parsed = Slack.Config.parse({"webhookUrl": WEBHOOK, "channel": channel, "webhookChannel": CHANNEL["id"]})
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
    ("channel", "answer", "says"),
    [
        ("#asset-updates", {"ok": True, "channels": [GENERAL]}, "the bot cannot see channel #asset-updates in Slack"),
        ("C999999999", {"ok": False, "error": "channel_not_found"}, "there is no channel C999999999, or it is private"),
    ],
)
def test_a_channel_that_the_bot_cannot_see_is_named(channel: str, answer: Any, says: str) -> None:
    with pytest.raises(WrongTarget, match=says):
        look_up(config(channel), TEAM, json_response(200, answer))


def test_a_direct_message_cannot_be_checked() -> None:
    result, _ = look_up(config("@maria"), TEAM)
    assert result.message.startswith("The connection to Invenicum Team works. Whether it posts to @maria could")
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
        (no_scope("channels:read"), MissingScope, "channels:read"),
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


@pytest.mark.parametrize(
    "answer", [no_scope("groups:read"), json_response(200, {"ok": False, "error": "channel_not_found"})]
)
def test_the_channel_of_the_consent_needs_no_look_up(answer: Response) -> None:
    """The token sees no private channel that its bot is not in; the webhook posts there all the same."""
    result, _ = look_up(connected("C123456789"), TEAM, answer)
    assert result.metadata == FACTS


def test_another_channel_than_that_of_the_consent_must_be_seen() -> None:
    with pytest.raises(WrongTarget, match="cannot see channel #other"):
        look_up(connected("#other"), TEAM, json_response(200, {"ok": True, "channels": [GENERAL]}))


def with_scopes(*scopes: str) -> Response:
    return json_response(200, {"ok": True, **IDENTITY}, x_oauth_scopes=",".join(scopes))


def test_a_token_that_cannot_post_leaves_that_to_the_webhook_and_says_so() -> None:
    seen = json_response(200, {"ok": True, "channel": CHANNEL})
    result, _ = look_up(config("C123456789"), with_scopes("channels:read"), seen)
    assert result.message.startswith(
        "Successfully connected to Slack channel #asset-updates. The token lacks chat:write."
    )
    assert "to choose them, give a bot token" in result.message


def test_a_channel_that_the_bot_is_not_in_takes_another_scope_or_an_invitation() -> None:
    outside = json_response(200, {"ok": True, "channel": {**CHANNEL, "is_member": False}})
    with pytest.raises(WrongTarget, match="invite it there"):
        look_up(config("C123456789"), with_scopes("chat:write", "channels:read"), outside)
    look_up(config("C123456789"), with_scopes("chat:write", "chat:write.public"), outside)


def test_an_archived_channel_is_said_to_be_archived() -> None:
    with pytest.raises(WrongTarget, match="asset-updates is archived in Slack: unarchive it"):
        look_up(
            config("C123456789"), TEAM, json_response(200, {"ok": True, "channel": {**CHANNEL, "is_archived": True}})
        )


def test_slacks_own_answers_are_understood() -> None:
    with FakeSlack() as fake:
        slack = Slack({"apiUrl": fake.url})
        for parsed in (config(), config("C123456789")):
            assert run_flow(slack.test(parsed)).metadata == FACTS
        assert run_flow(slack.test(config())).message == PROVED
        with pytest.raises(WrongTarget):
            run_flow(slack.test(config("C999999999")))
        assert fake.posted == []
    with FakeSlack("incoming-webhook", "channels:read") as fake:
        slack = Slack({"apiUrl": fake.url})
        assert run_flow(slack.test(connected("C123456789"))).metadata == FACTS
        with pytest.raises(MissingScope, match="lacks the scope groups:read"):
            run_flow(slack.test(config()))

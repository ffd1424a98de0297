"""How a message is posted: with a token to the chosen channel, or by the webhook to the channel it was made for."""

from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.slack import Slack
from integrations.core.errors import AuthFailed, ConnectionFailed, Gone, IntegrationError, RateLimited, Rejected
from integrations.egress.curl import run_flow
from tests.fakes.slack import CHANNEL, TOKEN, WEBHOOK, FakeSlack
from tests.flows import CREATED, body_of, json_response, play, text_response

POSTED = json_response(200, {"ok": True, "channel": CHANNEL["id"], "ts": "1503435956.000247"})
OWN = {"username": "Invenicum Bot", "iconEmoji": ":package:"}


def with_bot(**more: Any) -> Slack.Config:
    return Slack.Config.parse({"webhookUrl": WEBHOOK, "channel": "#asset-updates", "botToken": TOKEN, **more})


def connected(channel: str = "C05002EAE", token: str = TOKEN, **more: Any) -> Slack.Config:
    """The configuration of a connection with OAuth whose consent chose the channel C05002EAE."""
    values = {"webhookUrl": WEBHOOK, "webhookChannel": "C05002EAE", "channel": channel, **more}
    parsed = Slack.Config.parse(values, connected=True)
    return parsed.model_copy(update={"access_token": SecretStr(token) if token else None})


def test_a_bot_token_posts_to_the_chosen_channel_under_the_chosen_name() -> None:
    _, (request,) = play(Slack().deliver(CREATED, with_bot(**OWN), 0), POSTED)
    assert request.url == "https://slack.com/api/chat.postMessage"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    sent = body_of(request)
    assert (sent["channel"], sent["username"], sent["icon_emoji"]) == ("#asset-updates", "Invenicum Bot", ":package:")
    assert sent["text"] == "Asset created: Product Photo.jpg"


def test_a_connection_posts_by_its_webhook_until_something_else_is_chosen() -> None:
    _, (request,) = play(Slack().deliver(CREATED, connected(), 0), text_response(200, "ok"))
    assert request.url == WEBHOOK
    assert set(body_of(request)) == {"text", "blocks"}
    for chosen in (connected(**OWN), connected("C123456789")):
        _, (request,) = play(Slack().deliver(CREATED, chosen, 0), POSTED)
        assert request.url.endswith("/api/chat.postMessage")


def test_a_connection_in_a_direct_message_posts_there() -> None:
    chosen = Slack.Config.parse({"webhookUrl": WEBHOOK, "webhookChannel": "D024BE91L", "channel": "D024BE91L"})
    play(Slack().deliver(CREATED, chosen, 0), text_response(200, "ok"))


def test_without_its_token_a_connection_still_posts_to_the_channel_of_the_consent_only() -> None:
    _, (request,) = play(Slack().deliver(CREATED, connected(token="", **OWN), 0), text_response(200, "ok"))
    assert request.url == WEBHOOK
    with pytest.raises(AuthFailed, match="Posting to C123456789 takes a bot token: connect Slack again"):
        play(Slack().deliver(CREATED, connected("C123456789", token=""), 0))


def test_a_token_that_may_not_post_leaves_it_to_the_webhook() -> None:
    no_scope = json_response(200, {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "x"})
    for chosen in (with_bot(), connected(**OWN)):
        _, requests = play(Slack().deliver(CREATED, chosen, 0), no_scope, text_response(200, "ok"))
        assert requests[1].url == WEBHOOK
    with pytest.raises(ConnectionFailed, match=r"lacks the scope chat:write\. Add it to the app") as caught:
        play(Slack().deliver(CREATED, connected("C123456789"), 0), no_scope)
    assert caught.value.fault == "target"


@pytest.mark.parametrize(
    ("said", "error", "fault", "says"),
    [
        # https://docs.slack.dev/reference/methods/chat.postMessage#errors
        ("channel_not_found", ConnectionFailed, "target", "invite the app to it"),
        ("not_in_channel", ConnectionFailed, "target", "invite it there, or give it the scope chat:write.public"),
        ("is_archived", ConnectionFailed, "target", "unarchive it"),
        ("restricted_action_read_only_channel", ConnectionFailed, "target", "ask its admins"),
        ("messages_tab_disabled", ConnectionFailed, "target", "Messages tab"),
        ("token_revoked", AuthFailed, "target", "connect again"),
        ("account_inactive", AuthFailed, "target", "connect again"),
        ("ratelimited", RateLimited, "service", "slow down"),
        ("internal_error", ConnectionFailed, "service", "internal_error"),
        ("msg_blocks_too_long", Rejected, "event", "msg_blocks_too_long"),
        ("invalid_blocks", Rejected, "event", "invalid_blocks"),
    ],
)
def test_each_refusal_of_a_message_says_whose_fault_it_is(
    said: str, error: type[IntegrationError], fault: str, says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        play(Slack().deliver(CREATED, with_bot(), 0), json_response(200, {"ok": False, "error": said}))
    assert caught.value.fault == fault
    assert caught.value.code_for("slack") in ("SLACK_CONNECTION_FAILED", "INTEGRATION_AUTH_FAILED")


@pytest.mark.parametrize(
    ("status", "said", "error", "fault", "says"),
    [
        # https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
        (404, "channel_not_found", ConnectionFailed, "target", "choose another channel"),
        (400, "user_not_found", ConnectionFailed, "target", "choose another channel"),
        (410, "channel_is_archived", ConnectionFailed, "target", "unarchive it"),
        (403, "action_prohibited", AuthFailed, "target", "admin"),
        (404, "no_service", Gone, "target", "create a new incoming webhook"),
        (404, "team_disabled", ConnectionFailed, "target", "an owner of it has to activate it"),
        (500, "rollup_error", ConnectionFailed, "service", "rollup_error"),
        (400, "invalid_payload", Rejected, "event", "invalid_payload"),
    ],
)
def test_each_refusal_of_a_webhook_says_whose_fault_it_is(
    status: int, said: str, error: type[IntegrationError], fault: str, says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        play(Slack().deliver(CREATED, connected(), 0), text_response(status, said))
    assert type(caught.value) is not Gone or error is Gone
    assert caught.value.fault == fault


def test_messages_reach_a_slack_that_heeds_what_each_way_may_choose() -> None:
    with FakeSlack("chat:write", "chat:write.customize", "channels:read", "groups:read") as fake:
        slack = Slack({"apiUrl": fake.url})
        assert run_flow(slack.test(with_bot(**OWN))).metadata["channelId"] == CHANNEL["id"]
        run_flow(slack.deliver(CREATED, with_bot(**OWN), 0))
        assert fake.posted[-1]["username"] == "Invenicum Bot"
        run_flow(slack.deliver(CREATED, connected(token="", **OWN), 0))
        assert "username" not in fake.posted[-1]
        fake.archived = True
        for chosen in (with_bot(), connected()):
            with pytest.raises(ConnectionFailed, match="unarchive it") as caught:
                run_flow(slack.deliver(CREATED, chosen, 0))
            assert caught.value.fault == "target"
        fake.archived, fake.token_revoked = False, True
        with pytest.raises(AuthFailed, match="give a new one"):
            run_flow(slack.deliver(CREATED, with_bot(), 0))
        run_flow(slack.deliver(CREATED, connected(), 0))

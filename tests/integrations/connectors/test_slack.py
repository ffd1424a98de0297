import json
from typing import Any

import pytest

from integrations.connectors.slack import Slack
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    Gone,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
    TimedOut,
)
from integrations.egress.curl import run_flow
from invenicum.events.message import Message
from tests.fakes.slack import WEBHOOK, FakeSlack
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, body_of, message, play, text_response

CONFIG = {"webhookUrl": WEBHOOK, "channel": "#asset-updates"}


def config(**more: Any) -> Slack.Config:
    return Slack.Config.parse({**CONFIG, **more})


def sent_for(event: Message, **more: Any) -> Any:
    _, (request,) = play(Slack().deliver(event, config(**more), 0), text_response(200, "ok"))
    return body_of(request)


def test_the_example_of_the_api_page_is_a_valid_configuration() -> None:
    parsed = config(username="Invenicum Bot", iconEmoji=":package:")
    assert parsed.public() == {"channel": "#asset-updates", "username": "Invenicum Bot", "iconEmoji": ":package:"}
    assert parsed.secrets() == {"webhookUrl": WEBHOOK}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("webhookUrl", "https://hooks.slack.com.evil.example/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX"),
        ("webhookUrl", "http://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX"),
        ("channel", "# general"),
        ("iconEmoji", "package"),
        ("botToken", "secret"),
    ],
)
def test_a_malformed_field_is_named_with_an_example_of_a_right_one(field: str, value: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(**{field: value})
    assert list(caught.value.details) == [field]
    assert "for example" in caught.value.details[field][0]


def test_a_webhook_alone_proves_its_address_and_says_that_the_channel_was_not_checked() -> None:
    result, (request,) = play(Slack().test(config()), text_response(400, "invalid_payload"))
    assert result.message == (
        "The webhook's address works. Whether it posts to #asset-updates could not be checked: that takes a bot token "
        "that sees the channel. A webhook of an app posts to its own channel, under the app's name and icon: to choose "
        "them, give a bot token."
    )
    assert result.metadata == {"teamId": "T00000000"}
    with pytest.raises(ValueError):
        json.loads(request.body)


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (404, "no_service", Gone),
        (403, "action_prohibited", AuthFailed),
        (403, "invalid_token", AuthFailed),
        (400, "invalid_blocks", Rejected),
        (429, "rate_limited", RateLimited),
        (500, "rollup_error", ConnectionFailed),
        (200, "<html>Welcome to the hotel's network</html>", ConnectionFailed),
    ],
)
def test_each_documented_failure_of_a_delivery_has_its_error(
    status: int, text: str, error: type[IntegrationError]
) -> None:
    with pytest.raises(error) as caught:
        play(Slack().deliver(CREATED, config(), 0), text_response(status, text))
    assert type(caught.value) is error
    assert WEBHOOK.rsplit("/", 1)[1] not in caught.value.message


def test_a_rate_limit_says_how_long_to_wait() -> None:
    with pytest.raises(RateLimited) as caught:
        play(Slack().deliver(CREATED, config(), 0), text_response(429, "", retry_after="30"))
    assert caught.value.retry_after == 30


def test_a_timeout_is_raised_unchanged() -> None:
    with pytest.raises(TimedOut) as caught:
        play(Slack().test(config()), TimedOut("No answer within 15 s."))
    assert caught.value.code_for("slack") == "CONNECTION_TIMEOUT"


def test_an_update_shows_what_changed_and_who_did_it() -> None:
    sent = sent_for(UPDATED, username="Invenicum Bot", iconEmoji=":package:")
    assert sent["channel"] == "#asset-updates"
    assert sent["username"] == "Invenicum Bot"
    assert sent["icon_emoji"] == ":package:"
    assert sent["text"] == "Asset updated: Hero Image.jpg"
    title, changes, context = sent["blocks"]
    assert title["text"]["text"] == "*Asset updated*\nHero Image.jpg"
    assert changes["text"]["text"] == "*Name:* Product Photo.jpg → Hero Image.jpg\n*Tags:* draft → featured"
    assert context["elements"][0]["text"].startswith("By user-789 · <!date^1772879400^")


def test_a_new_asset_is_linked_and_its_category_shown() -> None:
    title, facts, _ = sent_for(CREATED)["blocks"]
    assert title["text"]["text"] == "*Asset created*\n<https://cdn.invenicum.com/assets/asset-123|Product Photo.jpg>"
    assert [field["text"] for field in facts["fields"]] == ["*Category*\nImages"]


def test_a_deleted_asset_a_ping_and_an_event_from_outside_have_their_messages() -> None:
    assert sent_for(DELETED)["text"] == "Asset deleted: Deprecated Asset.jpg"
    assert sent_for(PING)["text"] == "Invenicum is connected"
    assert sent_for(REPORT)["text"] == "Report ready: Weekly report"


@pytest.mark.parametrize("name", ["<!channel>", "<@U024BE7LH>", "<https://evil.example|Click>", "a & b"])
def test_no_name_mentions_a_user_or_makes_a_link(name: str) -> None:
    sent = json.dumps(sent_for(message("asset.created", {"assetId": "a", "name": name, "category": name})))
    assert name not in sent
    assert '"verbatim": true' in sent


def test_the_longest_changes_stay_within_slacks_limits() -> None:
    changes = {f"field{number}": {"old": "<" * 5000, "new": ">" * 5000} for number in range(100)}
    blocks = sent_for(message("asset.updated", {"assetId": "a", "changes": changes}))["blocks"]
    assert len(blocks[1]["text"]["text"]) <= 3000


def test_an_override_moves_the_pasted_address_to_another_origin() -> None:
    _, (request,) = play(
        Slack({"apiUrl": "http://127.0.0.1:9/"}).deliver(CREATED, config(), 0), text_response(200, "ok")
    )
    assert request.url == "http://127.0.0.1:9/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX"


def test_a_message_reaches_a_server_that_refuses_what_slack_refuses() -> None:
    with FakeSlack() as fake:
        slack = Slack({"apiUrl": fake.url})
        run_flow(slack.test(config()))
        assert fake.posted == []
        run_flow(slack.deliver(UPDATED, config(), 0))
        assert [posted["text"] for posted in fake.posted] == ["Asset updated: Hero Image.jpg"]
        with pytest.raises(IntegrationError) as caught:
            run_flow(slack.test(config(webhookUrl=WEBHOOK[:-1] + "Y")))
        assert caught.value.code_for("slack") == "SLACK_CONNECTION_FAILED"

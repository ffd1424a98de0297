import json
from typing import Any

import pytest

from integrations.connectors.discord import Discord
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    Gone,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
)
from integrations.core.http import Response
from integrations.egress.curl import run_flow
from invenicum.events.message import Message
from tests.fakes.discord import WEBHOOK, FakeDiscord, problem_of
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, body_of, json_response, message, play, text_response

TAKEN = json_response(200, {"id": "1"})


def config(**more: Any) -> Discord.Config:
    return Discord.Config.parse({"webhookUrl": WEBHOOK, **more})


def sent_for(event: Message, **more: Any) -> Any:
    _, (request,) = play(Discord().deliver(event, config(**more), 0), TAKEN)
    return body_of(request)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("webhookUrl", "https://discord.com.evil.example/api/webhooks/347114750880120863/" + "x" * 68),
        ("webhookUrl", "https://discord.com/api/webhooks/347114750880120863"),
        ("username", "Discord Bot"),
        ("avatarUrl", "http://cdn.invenicum.com/logo.png"),
        ("threadId", "general"),
    ],
)
def test_a_malformed_field_is_named(field: str, value: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(**{field: value})
    assert list(caught.value.details) == [field]


def test_every_spelling_of_the_address_is_normalised() -> None:
    canary = WEBHOOK.replace("discord.com/api", "canary.discordapp.com/api/v9") + "/"
    for spelling in (WEBHOOK, canary):
        _, (request,) = play(Discord().deliver(CREATED, config(webhookUrl=spelling), 0), TAKEN)
        assert request.url == WEBHOOK.replace("/api", "/api/v10") + "?wait=true"


def test_a_message_goes_to_its_thread_under_its_name() -> None:
    own = {
        "username": "Invenicum Bot",
        "avatarUrl": "https://cdn.invenicum.com/l.png",
        "threadId": "1234567890123456789",
    }
    _, (request,) = play(Discord().deliver(CREATED, config(**own), 0), TAKEN)
    assert request.url.endswith("?wait=true&thread_id=1234567890123456789")
    assert "thread_name" not in body_of(request)
    assert body_of(request)["username"] == "Invenicum Bot"
    assert body_of(request)["avatar_url"] == "https://cdn.invenicum.com/l.png"


def test_an_update_shows_what_changed_and_who_did_it() -> None:
    (embed,) = sent_for(UPDATED)["embeds"]
    assert embed["author"] == {"name": "Asset updated"}
    assert embed["title"] == "Hero Image.jpg"
    assert embed["description"].splitlines() == [
        "**Name:** Product Photo.jpg → Hero Image.jpg",
        "**Tags:** draft → featured",
    ]
    assert embed["footer"] == {"text": "By user-789"}
    assert embed["timestamp"] == "2026-03-07T10:30:00+00:00"


def test_a_new_asset_is_linked_and_its_category_shown() -> None:
    (embed,) = sent_for(CREATED)["embeds"]
    assert embed["url"] == "https://cdn.invenicum.com/assets/asset-123"
    assert embed["fields"] == [{"name": "Category", "value": "Images", "inline": True}]


def test_other_events_have_their_messages() -> None:
    titles = [sent_for(event)["embeds"][0]["author"]["name"] for event in (DELETED, PING, REPORT)]
    assert titles == ["Asset deleted", "Invenicum is connected", "Report ready"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("@everyone", r"\@everyone"),
        ("<@8035111>", r"\<\@8035111\>"),
        ("[x](y)", r"\[x\]\(y\)"),
        ("**a** `b`", r"\*\*a\*\* \`b\`"),
    ],
)
def test_no_name_mentions_a_user_or_formats_text(name: str, shown: str) -> None:
    sent = sent_for(message("asset.created", {"assetId": "a", "name": name}))
    assert sent["allowed_mentions"] == {"parse": []}
    assert sent["embeds"][0]["title"] == shown


def test_a_name_that_escaping_makes_too_long_is_cut_between_two_characters() -> None:
    (embed,) = sent_for(message("asset.created", {"assetId": "a", "name": "*" * 255}))["embeds"]
    assert embed["title"] == r"\*" * 127 + "…"


def test_the_longest_message_stays_within_discords_limits() -> None:
    changes = {f"field{number}": {"old": "*" * 200, "new": "_" * 200} for number in range(12)}
    facts = {f"{'fact' * 40}{number}": "~" * 200 for number in range(12)}
    sent = sent_for(message("report.ready", {"title": "*" * 200, "createdBy": "x" * 200, "changes": changes, **facts}))
    assert problem_of(sent) == ""


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (json_response(404, {"code": 10015, "message": "Unknown Webhook"}), Gone),
        (json_response(404, {"code": 10003, "message": "Unknown Channel"}), InvalidConfig),
        (
            json_response(400, {"code": 220001, "message": "Forum channels need a thread"}),
            InvalidConfig,
        ),
        (json_response(401, {"code": 50027, "message": "Invalid Webhook Token"}), AuthFailed),
        (text_response(404, "<html>"), InvalidConfig),
        (json_response(400, {"code": 50035, "message": "Invalid Form Body"}), Rejected),
        (text_response(502), ConnectionFailed),
        (text_response(200, "<html>Sign in</html>"), ConnectionFailed),
    ],
)
def test_each_documented_failure_has_its_error(answer: Response, error: type[IntegrationError]) -> None:
    with pytest.raises(error) as caught:
        play(Discord().deliver(CREATED, config(), 0), answer)
    assert type(caught.value) is error
    assert WEBHOOK.rsplit("/", 1)[1] not in caught.value.message


@pytest.mark.parametrize(
    "answer",
    [
        json_response(429, {"retry_after": 0.65, "global": False}),
        text_response(429, "error code: 1015", retry_after="0.65"),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(answer: Response) -> None:
    with pytest.raises(RateLimited) as caught:
        play(Discord().deliver(CREATED, config(), 0), answer)
    assert caught.value.retry_after == 0.65


def test_a_message_reaches_a_server_that_refuses_what_discord_refuses() -> None:
    with FakeDiscord() as fake:
        discord = Discord({"apiUrl": fake.url})
        result = run_flow(discord.test(config()))
        assert result.metadata["webhookName"] == "Assets"
        assert fake.posted == []
        changes = {f"field{number}": {"old": "*" * 5000, "new": "_" * 5000} for number in range(100)}
        large = message(
            "asset.updated", {"assetId": "a", "changes": changes, **{f"x{n}": "y" * 999 for n in range(50)}}
        )
        for event in (CREATED, UPDATED, DELETED, PING, REPORT, large, message("report.ready", {})):
            run_flow(discord.deliver(event, config(), 0))
        assert len(fake.posted) == 7
        with pytest.raises(AuthFailed):
            run_flow(discord.test(config(webhookUrl=WEBHOOK[:-1] + "x")))
        fake.deleted = True
        with pytest.raises(Gone, match="was deleted"):
            run_flow(discord.deliver(CREATED, config(), 0))
        assert all("k1vuofjhQDDn" not in json.dumps(posted) for posted in fake.posted)

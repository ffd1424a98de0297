"""Forums, threads, limits and the webhook that OAuth made, with Discord's own answers."""

from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.discord import Discord
from integrations.core.errors import AuthFailed, Gone, InvalidConfig, Rejected
from integrations.egress.curl import run_flow
from tests.fakes.discord import THREAD, WEBHOOK, FakeDiscord
from tests.flows import CREATED, body_of, json_response, play, text_response

HOOK = json_response(200, {"name": "Assets", "channel_id": "199737254929760256", "guild_id": "1997372549297602"})
EMPTY = json_response(400, {"message": "Cannot send an empty message", "code": 50006})
FORUM = json_response(
    400, {"message": "Webhooks posted to forum channels must have a thread_name or thread_id", "code": 220001}
)


def config(**more: Any) -> Discord.Config:
    return Discord.Config.parse({"webhookUrl": WEBHOOK, **more})


def test_the_test_tells_that_a_channel_is_a_forum_and_posts_nothing() -> None:
    with pytest.raises(InvalidConfig, match="is a forum or a media channel: give a threadName") as caught:
        play(Discord().test(config()), HOOK, FORUM)
    assert list(caught.value.details) == ["threadName"]
    _, (_, probe) = play(Discord().test(config(threadName="{name}")), HOOK, FORUM)
    assert body_of(probe) == {}
    play(Discord().test(config()), HOOK, EMPTY)


def test_an_event_starts_a_post_in_a_forum_with_its_tags() -> None:
    tags = ["1234567890123456780"]
    _, (request,) = play(
        Discord().deliver(CREATED, config(threadName="{event}: {name}", appliedTags=tags), 0), text_response(204)
    )
    sent = body_of(request)
    assert (sent["thread_name"], sent["applied_tags"]) == ("Asset created: Product Photo.jpg", tags)


def test_the_name_of_a_post_is_cut_to_what_discord_takes() -> None:
    _, (request,) = play(Discord().deliver(CREATED, config(threadName="{name}" * 16), 0), text_response(204))
    assert len(body_of(request)["thread_name"]) == 100


def test_a_thread_in_the_pasted_address_is_posted_to() -> None:
    pasted = f"{WEBHOOK}?wait=true&thread_id={THREAD}"
    _, (request,) = play(
        Discord().deliver(CREATED, config(webhookUrl=pasted, threadName="{name}"), 0), text_response(204)
    )
    assert request.url.endswith(f"?wait=true&thread_id={THREAD}")
    assert "thread_name" not in body_of(request)
    with pytest.raises(InvalidConfig):
        config(webhookUrl=f"{WEBHOOK}?thread_id=general")
    with pytest.raises(InvalidConfig):
        config(webhookUrl=f"{WEBHOOK}?redirect=https://evil.example")


@pytest.mark.parametrize(
    ("code", "field", "says"),
    [
        # https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
        (10003, "threadId", "give the threadId of one in the webhook's channel"),
        (160005, "threadId", "unlock it"),
        (50083, "threadId", "reopen it"),
        (160006, "threadName", "close some"),
        (220003, "threadName", "leave threadName out"),
        (40067, "appliedTags", "give appliedTags"),
        (10087, "appliedTags", "ids of its own"),
    ],
)
def test_each_wrong_target_names_the_field_and_what_to_do(code: int, field: str, says: str) -> None:
    with pytest.raises(InvalidConfig, match=says) as caught:
        play(Discord().deliver(CREATED, config(), 0), json_response(400, {"message": "No", "code": code}))
    assert list(caught.value.details) == [field]
    assert caught.value.fault == "target"


@pytest.mark.parametrize("code", [200000, 240000, 50035])
def test_a_message_that_moderation_blocks_is_the_events_fault(code: int) -> None:
    with pytest.raises(Rejected):
        play(Discord().deliver(CREATED, config(), 0), json_response(400, {"message": "Blocked", "code": code}))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset_after": "0.65"}, 0.65),
        ({"x_ratelimit_remaining": "3", "x_ratelimit_reset_after": "0.65"}, None),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset_after": "nan"}, None),
        ({"x_ratelimit_remaining": "0"}, None),
        ({}, None),
    ],
)
def test_the_last_answer_before_the_limit_says_how_long_to_pause(headers: dict[str, str], seconds: float) -> None:
    paused, _ = play(Discord().deliver(CREATED, config(), 0), json_response(200, {"id": "1"}, **headers))
    assert paused == seconds


def test_only_the_webhook_that_a_consent_made_is_deleted_with_the_integration() -> None:
    play(Discord().on_delete(config(), {}))
    connected = config().model_copy(update={"access_token": SecretStr("token")})
    for gone in (text_response(204), json_response(404, {"code": 10015}), json_response(401, {"code": 50027})):
        _, (request,) = play(Discord().on_delete(connected, {}), gone)
        assert (request.method, request.url) == ("DELETE", WEBHOOK.replace("/api", "/api/v10"))
        assert "Authorization" not in request.headers
    with pytest.raises(AuthFailed):
        play(Discord().on_delete(connected, {}), json_response(403, {}))


def test_a_discord_with_a_forum_and_a_locked_thread_is_understood() -> None:
    with FakeDiscord() as fake:
        discord = Discord({"apiUrl": fake.url})
        fake.is_forum = fake.needs_tag = True
        with pytest.raises(InvalidConfig, match="is a forum"):
            run_flow(discord.test(config()))
        run_flow(discord.test(config(threadName="{name}")))
        with pytest.raises(InvalidConfig, match="need a tag"):
            run_flow(discord.deliver(CREATED, config(threadName="{name}"), 0))
        run_flow(discord.deliver(CREATED, config(threadName="{name}", appliedTags=["1234567890123456780"]), 0))
        run_flow(discord.deliver(CREATED, config(threadId=THREAD, threadName="{name}"), 0))
        assert [posted.get("thread_name") for posted in fake.posted] == ["Product Photo.jpg", None]
        fake.locked_threads.add(THREAD)
        with pytest.raises(InvalidConfig, match="is locked"):
            run_flow(discord.test(config(threadId=THREAD)))
        run_flow(discord.on_delete(config().model_copy(update={"access_token": SecretStr("t")}), {}))
        with pytest.raises(Gone):
            run_flow(discord.test(config()))

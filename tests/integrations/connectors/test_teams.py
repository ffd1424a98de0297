import json
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.teams import Teams
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
from tests.fakes.teams import TOKEN, FakeTeams
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, body_of, json_response, message, play, text_response
from tests.integrations.connectors.examples import WORKFLOW

CHANNEL = {
    "teamId": "02bd9fd6-8f93-4758-87c3-1fb73740a315",
    "channelId": "19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2",
}


def config(**more: Any) -> Teams.Config:
    return Teams.Config.parse({"webhookUrl": WORKFLOW, **more})


def connected(**values: Any) -> Teams.Config:
    return Teams.Config.parse(values, connected=True).model_copy(update={"access_token": SecretStr(TOKEN)})


def card_for(event: Message) -> Any:
    _, (request,) = play(Teams().deliver(event, config(), 0), text_response(202))
    (attachment,) = body_of(request)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    return attachment["content"]


def lines_of(card: Any) -> list[Any]:
    return ["".join(run["text"] for run in block["inlines"]) for block in card["body"]]


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.webhook.office.com/webhookb2/1234/IncomingWebhook/5678/9",
        WORKFLOW.partition("&sig=")[0],
        WORKFLOW.replace("powerplatform.com", "powerplatform.com.evil.example"),
    ],
)
def test_an_old_connector_an_unsigned_address_and_an_unknown_host_are_refused(url: str) -> None:
    with pytest.raises(InvalidConfig, match="the address of a Teams workflow"):
        config(webhookUrl=url)


def test_the_former_addresses_of_logic_apps_still_work() -> None:
    old = "https://prod-12.westeurope.logic.azure.com:443/workflows/0123456789abcdef/triggers/manual/paths/invoke"
    assert config(webhookUrl=f"{old}?api-version=2016-06-01&sig=AbCdEfGhIjKlMnOpQrStUvWxYz").webhook_url


def test_an_update_shows_what_changed_and_who_did_it() -> None:
    card = card_for(UPDATED)
    assert lines_of(card) == [
        "Invenicum · Asset updated",
        "Hero Image.jpg",
        "Name: Product Photo.jpg → Hero Image.jpg",
        "Tags: draft → featured",
        "By user-789 · 2026-03-07 10:30 UTC",
    ]
    assert card["fallbackText"] == "Asset updated: Hero Image.jpg"


def test_a_new_asset_can_be_opened() -> None:
    card = card_for(CREATED)
    assert "Category: Images" in lines_of(card)
    assert [action["url"] for action in card["actions"]] == ["https://cdn.invenicum.com/assets/asset-123"]


def test_other_events_have_their_cards() -> None:
    assert [lines_of(card_for(event))[0].split(" · ")[1] for event in (DELETED, PING, REPORT)] == [
        "Asset deleted",
        "Invenicum is connected",
        "Report ready",
    ]


@pytest.mark.parametrize("name", ["<at>Alice</at>", "**bold**", "[x](https://evil.example)"])
def test_names_are_placed_where_teams_interprets_no_markup(name: str) -> None:
    card = card_for(message("asset.created", {"assetId": "a", "name": name}))
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert [run["text"] for run in runs].count(name) == 1


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (json_response(404, {"error": {"code": "WorkflowNotFound"}}), Gone, "was deleted"),
        (json_response(400, {"error": {"code": "WorkflowTriggerIsNotEnabled"}}), InvalidConfig, "turn it on"),
        (json_response(401, {"error": {"code": "AuthorizationFailed"}}), AuthFailed, "copy the address again"),
        (json_response(400, {"error": {"code": "TriggerInputSchemaMismatch"}}), InvalidConfig, "from the template"),
        (json_response(400, {"error": {"code": "BadRequest"}}), Rejected, "BadRequest"),
        (text_response(429, retry_after="9"), RateLimited, "slow down"),
        (text_response(404), InvalidConfig, "does not know this channel"),
        (text_response(502), ConnectionFailed, "502"),
    ],
)
def test_each_documented_failure_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(Teams().test(config()), answer)
    assert type(caught.value) is error
    assert "AbCdEfGhIj" not in caught.value.message


def test_with_oauth_the_team_and_the_channel_must_be_known() -> None:
    with pytest.raises(InvalidConfig) as caught:
        connected()
    assert list(caught.value.details) == ["teamId", "channelId"]
    with pytest.raises(AuthFailed, match="Connect your Microsoft account"):
        play(Teams().test(Teams.Config.parse(CHANNEL, connected=True)))


def test_a_card_reaches_a_workflow_that_refuses_what_power_automate_refuses() -> None:
    with FakeTeams() as fake:
        teams = Teams({"apiUrl": fake.url})
        run_flow(teams.test(config()))
        assert fake.posted == []
        changes = {f"field{number}": {"old": "<" * 5000, "new": "é" * 5000} for number in range(100)}
        for event in (CREATED, message("asset.updated", {"assetId": "a", "changes": changes})):
            run_flow(teams.deliver(event, config(), 0))
        assert len(fake.posted) == 2
        assert all(len(json.dumps(card).encode()) < 28_000 for card in fake.posted)
        with pytest.raises(AuthFailed):
            run_flow(teams.test(config(webhookUrl=WORKFLOW + "x")))
        fake.enabled = False
        with pytest.raises(InvalidConfig, match="turned off"):
            run_flow(teams.deliver(CREATED, config(), 0))


def test_a_card_reaches_a_channel_through_graph() -> None:
    with FakeTeams() as fake:
        teams = Teams({"apiUrl": fake.url})
        assert run_flow(teams.test(connected(**CHANNEL))).message == "Successfully connected to Teams channel Assets"
        run_flow(teams.deliver(CREATED, connected(**CHANNEL), 0))
        assert [card["fallbackText"] for card in fake.posted] == ["Asset created: Product Photo.jpg"]
        elsewhere = {**CHANNEL, "teamId": "00000000-0000-0000-0000-000000000000"}
        with pytest.raises(InvalidConfig):
            run_flow(teams.deliver(CREATED, connected(**elsewhere), 0))

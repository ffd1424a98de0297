"""Channels by their links, the clouds of governments, and cards that are too large."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.teams import Teams
from integrations.connectors.teams.clouds import endpoints_of
from integrations.core.errors import AuthFailed, InvalidConfig, Rejected
from integrations.egress.curl import run_flow
from tests.fakes.teams import TOKEN, FakeTeams
from tests.flows import CREATED, json_response, message, play, text_response
from tests.integrations.connectors.examples import WORKFLOW

TEAM, CHANNEL = "02bd9fd6-8f93-4758-87c3-1fb73740a315", "19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2"
# As *Get link to channel* copies it:
# https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams
LINK = (
    "https://teams.microsoft.com/l/channel/19%3Ad0bba23c2fc8413991125a43a54cc30e%40thread.tacv2/General%20%26%20more"
    f"?groupId={TEAM}&tenantId=a9bb5b0a-1111-2222-3333-444455556666"
)
IDS = {"teamId": TEAM, "channelId": CHANNEL}


def connected(**values: Any) -> Teams.Config:
    return Teams.Config.parse(values, connected=True).model_copy(update={"access_token": SecretStr(TOKEN)})


def large(events: int = 100) -> Any:
    """An event whose facts and changes are as long as they can be, of characters that need four bytes."""
    face, character = "\N{GRINNING FACE}" * 5000, "\N{CJK UNIFIED IDEOGRAPH-20000}" * 140
    changes = {f"{number}{character}": {"old": face, "new": '"\\' * 5000} for number in range(events)}
    facts = {f"fact {number}{character}": face for number in range(events)}
    return message("asset.updated", {"assetId": "a", "name": "Chair", "changes": changes, **facts})


@pytest.mark.parametrize("field", ["channelId", "teamId"])
def test_a_pasted_link_gives_the_team_and_the_channel(field: str) -> None:
    assert connected(**{field: LINK}).public() == IDS
    assert connected(**{**IDS, field: f" {LINK} "}).public() == IDS


@pytest.mark.parametrize(
    "host", ["teams.cloud.microsoft", "gov.teams.microsoft.us", "dod.teams.microsoft.us", "teams.microsoftonline.cn"]
)
def test_links_of_every_cloud_are_understood(host: str) -> None:
    assert connected(channelId=LINK.replace("teams.microsoft.com", host)).public() == IDS


def test_the_ids_of_the_american_gcc_are_understood() -> None:
    channel = "19:gcch:639df438635f4987be31f238d9a19a77@thread.tacv2"
    assert connected(teamId=TEAM, channelId=channel).channel_id == channel


@pytest.mark.parametrize(
    "link",
    [
        LINK.replace("teams.microsoft.com", "teams.microsoft.com.evil.example"),
        LINK.replace("/l/channel/", "/l/message/"),
        LINK.partition("?")[0],
        LINK.replace(TEAM, "my-team"),
    ],
)
def test_another_link_is_refused_with_an_example(link: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        connected(channelId=link)
    assert "for example" in str(caught.value.details)


@pytest.mark.parametrize(
    "host",
    [
        "default0123456789abcdef0123456789abcd.e.environment.api.gov.powerplatform.microsoft.us",
        "default0123456789abcdef0123456789abcd.e.environment.api.high.powerplatform.microsoft.us",
        "default0123456789abcdef0123456789abcd.e.environment.api.appsplatform.us",
        "prod-12.usgovtexas.logic.azure.us",
    ],
)
def test_workflows_of_governments_are_accepted(host: str) -> None:
    name = WORKFLOW.split("/")[2].partition(":")[0]
    assert Teams.Config.parse({"webhookUrl": WORKFLOW.replace(name, host)}).webhook_url


@pytest.mark.parametrize(
    ("cloud", "sign_in", "graph"),
    [
        # https://learn.microsoft.com/graph/deployments
        ("public", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        ("gcc-high", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        ("dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    ],
)
def test_each_cloud_has_its_sign_in_and_its_graph(cloud: str, sign_in: str, graph: str) -> None:
    endpoints = endpoints_of(cloud, "contoso.onmicrosoft.com")
    assert endpoints["authorizeUrl"] == f"{sign_in}/contoso.onmicrosoft.com/oauth2/v2.0/authorize"
    _, (request,) = play(Teams(endpoints).deliver(CREATED, connected(**IDS), 0), json_response(201, {}))
    assert request.url == f"{graph}/v1.0/teams/{TEAM}/channels/{CHANNEL}/messages"


def test_a_graph_elsewhere_does_not_move_a_pasted_workflow() -> None:
    teams = Teams(endpoints_of("gcc-high", "organizations"))
    _, (request,) = play(teams.deliver(CREATED, Teams.Config.parse({"webhookUrl": WORKFLOW}), 0), text_response(202))
    assert request.url == WORKFLOW


def test_a_message_that_is_too_large_as_it_is_sent_is_cut_and_not_refused() -> None:
    with FakeTeams() as fake:
        teams = Teams({"apiUrl": fake.url})
        for chosen in (Teams.Config.parse({"webhookUrl": WORKFLOW}), connected(**IDS)):
            run_flow(teams.deliver(large(), chosen, 0))
        by_workflow, by_graph = fake.posted
        for card in (by_workflow, by_graph):
            lines = ["".join(run["text"] for run in block["inlines"]) for block in card["body"]]
            assert lines[:2] == ["Invenicum · Asset updated", "Chair"]
            assert "…: …" in lines
        # A card in a card is longer: what is measured is what is sent.
        assert len(by_graph["body"]) < len(by_workflow["body"])


def test_a_size_that_is_refused_all_the_same_is_cut_further() -> None:
    too_large = json_response(413, {"error": {"code": "RequestEntityTooLarge", "message": "Request Entity too large"}})
    _, requests = play(Teams().deliver(large(), connected(**IDS), 0), too_large, too_large, json_response(201, {}))
    sizes = [len(request.body) for request in requests]
    assert 28_000 >= sizes[0] > 20_000 >= sizes[1] > 10_000 >= sizes[2]
    with pytest.raises(Rejected):
        play(Teams().deliver(CREATED, connected(**IDS), 0), too_large, too_large, too_large)


def test_a_card_that_fits_is_sent_whole() -> None:
    _, (request,) = play(Teams().deliver(large(1), connected(**IDS), 0), json_response(201, {}))
    (attachment,) = json.loads(request.body)["attachments"]
    assert "…: …" not in attachment["content"]


def test_one_message_at_a_time_goes_to_a_channel() -> None:
    assert Teams.concurrency == 1


def test_someone_who_is_no_member_of_the_team_is_told_so() -> None:
    forbidden = json_response(403, {"error": {"code": "Forbidden", "message": "Missing role permissions"}})
    with pytest.raises(AuthFailed, match="as a member of the team"):
        play(Teams().deliver(CREATED, connected(**IDS), 0), forbidden)

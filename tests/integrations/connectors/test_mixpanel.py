from typing import Any

import pytest

from integrations.connectors.mixpanel import Mixpanel
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
)
from integrations.core.http import Response
from integrations.egress.curl import run_flow
from tests.fakes.mixpanel import ACCOUNT, PLACEHOLDERS, PROJECT_TOKEN, FakeMixpanel, problem_of
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, body_of, json_response, message, play, text_response

NAME, SECRET = ACCOUNT.split(":")
ACCOUNT_FIELDS = {"serviceAccountUsername": NAME, "serviceAccountSecret": SECRET, "projectId": "1234567"}
TAKEN = json_response(200, {"code": 200, "num_records_imported": 1, "status": "OK"})


def config(**more: Any) -> Mixpanel.Config:
    return Mixpanel.Config.parse({"projectToken": PROJECT_TOKEN, **more})


@pytest.mark.parametrize("missing", list(ACCOUNT_FIELDS))
def test_a_service_account_needs_all_its_fields(missing: str) -> None:
    assert config(**ACCOUNT_FIELDS).project_id == "1234567"
    given = {name: value for name, value in ACCOUNT_FIELDS.items() if name != missing}
    with pytest.raises(InvalidConfig, match="give all three or none"):
        config(**given)


@pytest.mark.parametrize(
    ("region", "host"), [("us", "api.mixpanel.com"), ("eu", "api-eu.mixpanel.com"), ("in", "api-in.mixpanel.com")]
)
def test_events_go_to_the_region_of_the_project(region: str, host: str) -> None:
    _, (request,) = play(Mixpanel().deliver(CREATED, config(region=region), 0), TAKEN)
    assert request.url == f"https://{host}/import?strict=1"


def test_an_event_carries_its_time_its_actor_and_an_id_that_makes_it_count_once() -> None:
    (event,) = body_of(play(Mixpanel().deliver(UPDATED, config(), 0), TAKEN)[1][0])
    assert event["event"] == "asset.updated"
    properties = event["properties"]
    assert properties["time"] == 1_772_879_400
    assert properties["distinct_id"] == "user-789"
    assert properties["assetId"] == "asset-123"
    assert properties["changedFields"] == "name, tags"
    assert len(properties["$insert_id"]) <= 36
    assert properties["$insert_id"].isalnum()


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (json_response(401, {"error": "Invalid credentials"}), AuthFailed, "and the region"),
        (json_response(400, {"failed_records": [{"message": "'time' is invalid"}]}), Rejected, "'time' is invalid"),
        (
            json_response(400, {"error": "project_id is required"}),
            InvalidConfig,
            "project_id.*check the project's token",
        ),
        (json_response(200, {"num_records_imported": 0}), ConnectionFailed, "recorded nothing"),
        (text_response(200, "<html>"), ConnectionFailed, "recorded nothing"),
        (text_response(413), Rejected, "too large"),
        (text_response(429), RateLimited, "slow down"),
        (text_response(503), ConnectionFailed, "503"),
    ],
)
def test_each_documented_failure_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(Mixpanel().deliver(CREATED, config(), 0), answer)
    assert type(caught.value) is error
    assert PROJECT_TOKEN not in caught.value.message


@pytest.mark.parametrize("actor", [*PLACEHOLDERS.split(), "Anonymous", " null ", ""])
def test_a_placeholder_for_an_actor_is_sent_as_no_user(actor: str) -> None:
    event = message("asset.created", {"assetId": "a", "createdBy": actor})
    (sent,) = body_of(play(Mixpanel().deliver(event, config(), 0), TAKEN)[1][0])
    assert sent["properties"]["distinct_id"] == ""
    assert "$user_id" not in sent["properties"]
    assert problem_of(sent["properties"]) == ""


def test_a_user_and_a_device_are_named_for_projects_that_merge_them() -> None:
    event = message("report.ready", {"updatedBy": "user-1", "$device_id": "d-1", "$user_id": "other"})
    (sent,) = body_of(play(Mixpanel().deliver(event, config(), 0), TAKEN)[1][0])
    ids = {name: sent["properties"][name] for name in ("distinct_id", "$user_id", "$device_id")}
    assert ids == {"distinct_id": "user-1", "$user_id": "user-1", "$device_id": "d-1"}
    event = message("report.ready", {"$device_id": "undefined", "$user_id": 5})
    (sent,) = body_of(play(Mixpanel().deliver(event, config(), 0), TAKEN)[1][0])
    assert {"$user_id", "$device_id"}.isdisjoint(sent["properties"])


def test_an_answer_that_proves_nothing_fails_the_test() -> None:
    with pytest.raises(ConnectionFailed, match="unexpected answer"):
        play(Mixpanel().test(config()), text_response(200, "1"))


def test_events_reach_a_server_that_refuses_what_mixpanel_refuses() -> None:
    with FakeMixpanel() as fake:
        mixpanel = Mixpanel({"apiUrl": fake.url})
        run_flow(mixpanel.test(config()))
        assert fake.recorded == {}
        for event in (CREATED, CREATED, UPDATED, DELETED, PING, REPORT):
            run_flow(mixpanel.deliver(event, config(), 0))
        assert [event["event"] for event in fake.recorded.values()] == ["report.ready"], "one id, one event"
        with pytest.raises(AuthFailed):
            run_flow(mixpanel.test(config(projectToken="f" * 32)))


def test_several_events_go_in_one_request_and_each_has_its_own_end() -> None:
    # The answer of https://docs.mixpanel.com/reference/import-events, for five events.
    failed = [
        {
            "index": 0,
            "field": "properties.time",
            "message": "properties.time' is invalid: must be specified as seconds",
        },
        {"index": 3, "field": "properties.utm_source", "message": "properties.utm_source is invalid: string"},
    ]
    answer = {"code": 400, "error": "some data points in the request failed validation", "failed_records": failed}
    flow = Mixpanel().deliver_many([CREATED, UPDATED, DELETED, PING, REPORT], config(), 0)
    ends, (request,) = play(flow, json_response(400, {**answer, "num_records_imported": 3, "status": "Bad Request"}))
    assert [type(end) for end in ends] == [Rejected, type(None), type(None), Rejected, type(None)]
    assert "must be specified as seconds" in ends[0].message
    assert [event["event"] for event in body_of(request)] == [
        "asset.created",
        "asset.updated",
        "asset.deleted",
        "ping",
        "report.ready",
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (json_response(401, {"error": "Invalid credentials"}), AuthFailed),
        (json_response(400, {"error": "project_id is required"}), InvalidConfig),
        (json_response(413, {"code": 413, "error": "request exceeds max limit of 2097152 bytes"}), Rejected),
        (json_response(429, {"error": "rate limit"}), RateLimited),
        (json_response(200, {"num_records_imported": 1}), ConnectionFailed),
        (json_response(400, {"failed_records": [{"index": 7}], "num_records_imported": 1}), ConnectionFailed),
        (json_response(400, {"failed_records": [{"index": None}], "num_records_imported": 1}), ConnectionFailed),
        (json_response(400, {"failed_records": [{"index": 0}]}), ConnectionFailed),
    ],
)
def test_an_answer_that_is_true_of_all_events_fails_them_all(answer: Response, error: type[IntegrationError]) -> None:
    with pytest.raises(error) as caught:
        play(Mixpanel().deliver_many([CREATED, UPDATED], config(), 0), answer)
    assert type(caught.value) is error


def test_a_service_account_proves_the_project() -> None:
    with FakeMixpanel() as fake:
        mixpanel = Mixpanel({"apiUrl": fake.url})
        metadata = run_flow(mixpanel.test(config(**ACCOUNT_FIELDS))).metadata
        assert metadata == {"region": "us", "project": "Inventory", "projectId": "1234567"}
        run_flow(mixpanel.deliver(CREATED, config(**ACCOUNT_FIELDS), 0))
        with pytest.raises(InvalidConfig, match="cannot see project 7"):
            run_flow(mixpanel.test(config(**{**ACCOUNT_FIELDS, "projectId": "7"})))
        with pytest.raises(AuthFailed):
            run_flow(mixpanel.test(config(**{**ACCOUNT_FIELDS, "serviceAccountSecret": "x" * 32})))

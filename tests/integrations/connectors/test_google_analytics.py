import re
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.google_analytics import GoogleAnalytics
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
from invenicum.events.message import Message
from tests.fakes.google_analytics import (
    API_SECRET,
    APP_INSTANCE_ID,
    FIREBASE_APP_ID,
    MEASUREMENT_ID,
    TOKEN,
    FakeGoogleAnalytics,
)
from tests.flows import (
    CREATED,
    DELETED,
    EVENT_ID,
    PING,
    REPORT,
    UPDATED,
    body_of,
    json_response,
    message,
    play,
    text_response,
)

THEN = int(CREATED.occurred_at.timestamp())
APP = {"measurementId": "", "firebaseAppId": FIREBASE_APP_ID, "appInstanceId": APP_INSTANCE_ID}


def config(**more: Any) -> GoogleAnalytics.Config:
    return GoogleAnalytics.Config.parse({"measurementId": MEASUREMENT_ID, "apiSecret": API_SECRET, **more})


def connected(**more: Any) -> GoogleAnalytics.Config:
    return config(propertyId="123456789", **more).model_copy(update={"access_token": SecretStr(TOKEN)})


def sent_for(event: Message, now: Any = THEN) -> Any:
    _, (request,) = play(GoogleAnalytics().deliver(event, config(), now), text_response(204))
    return body_of(request)


def test_events_of_europeans_stay_in_europe() -> None:
    _, (request,) = play(GoogleAnalytics().deliver(CREATED, config(region="eu"), THEN), text_response(204))
    assert request.url.startswith("https://region1.google-analytics.com/mp/collect?measurement_id=G-1A2BCD345E&api_sec")


def test_an_event_says_what_happened_to_which_asset_and_who_did_it() -> None:
    sent = sent_for(CREATED)
    assert sent["user_id"] == "user-456"
    assert sent["timestamp_micros"] == THEN * 1_000_000
    (event,) = sent["events"]
    assert event["name"] == "asset_created"
    assert event["params"]["asset_id"] == "asset-123"
    assert event["params"]["category"] == "Images"
    assert event["params"]["event_id"] == EVENT_ID


def test_an_update_says_which_fields_changed() -> None:
    assert sent_for(UPDATED)["events"][0]["params"]["changed_fields"] == "name, tags"


def test_an_event_belongs_to_a_session_of_its_actor() -> None:
    created, updated, deleted = sent_for(CREATED), sent_for(UPDATED), sent_for(DELETED)
    assert created["client_id"] == deleted["client_id"] != updated["client_id"], "one actor, one client"
    assert re.fullmatch(r"[1-9]\d*\.[1-9]\d*", created["client_id"])
    params = created["events"][0]["params"]
    assert params["engagement_time_msec"] == 1
    assert 0 <= THEN - params["session_id"] < 1800
    assert sent_for(CREATED, THEN + 5)["events"] == created["events"], "the same on every attempt"


def test_yes_and_no_are_sent_as_text_because_there_are_no_booleans() -> None:
    params = sent_for(message("asset.created", {"assetId": "a", "locked": True, "archived": False, "count": 3}))
    assert {name: params["events"][0]["params"][name] for name in ("locked", "archived", "count")} == {
        "locked": "true",
        "archived": "false",
        "count": 3,
    }


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("session.start", "invenicum_session_start"),
        ("app_store_subscription.convert", "invenicum_app_store_subscription_convert"),
        ("page.view", "invenicum_page_view"),
        ("google.done", "invenicum_google_done"),
        ("first.open.house", "first_open_house"),
    ],
)
def test_a_name_that_google_reserves_gets_a_prefix(event: str, name: str) -> None:
    assert sent_for(message(event, {}))["events"][0]["name"] == name


def test_no_field_of_an_event_changes_its_time_or_its_session() -> None:
    params = sent_for(message("a.b", {"timestampMicros": 5, "sessionId": 7, "debug_mode": 1}))["events"][0]["params"]
    assert params["session_id"] != 7
    assert {"timestamp_micros", "debug_mode"}.isdisjoint(params)
    assert params["invenicum_timestamp_micros"] == 5


def test_consent_is_sent_if_it_was_given_or_refused() -> None:
    assert "consent" not in sent_for(CREATED)
    given = config(adUserData="DENIED", adPersonalization="GRANTED")
    _, (request,) = play(GoogleAnalytics().deliver(CREATED, given, THEN), text_response(204))
    assert body_of(request)["consent"] == {"ad_user_data": "DENIED", "ad_personalization": "GRANTED"}
    with pytest.raises(InvalidConfig):
        config(adUserData="yes")


def test_an_app_stream_takes_the_place_of_a_web_stream() -> None:
    _, (request,) = play(GoogleAnalytics().deliver(CREATED, config(**APP), THEN), text_response(204))
    assert "firebase_app_id=1%3A1234567890%3Aandroid%3A321abc456def7890&api_secret=" in request.url
    assert body_of(request)["app_instance_id"] == APP_INSTANCE_ID
    assert "client_id" not in body_of(request)


@pytest.mark.parametrize(
    "fields",
    [
        {"measurementId": ""},
        {**APP, "measurementId": MEASUREMENT_ID},
        {**APP, "appInstanceId": ""},
        {**APP, "firebaseAppId": ""},
    ],
)
def test_exactly_one_stream_has_to_be_given(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidConfig, match="give measurementId for a web stream, or firebaseAppId and appInstanceId"):
        config(**fields)
    with pytest.raises(InvalidConfig) as caught:
        config(measurementId="UA-1")
    assert list(caught.value.details) == ["measurementId"]


def test_an_event_older_than_three_days_is_not_backdated() -> None:
    assert "timestamp_micros" not in sent_for(CREATED, THEN + 3 * 86_400)


def test_the_test_says_that_google_does_not_check_the_secret() -> None:
    result, (request,) = play(GoogleAnalytics().test(config()), json_response(200, {"validationMessages": []}))
    assert "/debug/mp/collect" in request.url
    assert result.metadata["verified"] is False


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (json_response(200, {"validationMessages": [{"description": "Bad id."}]}), InvalidConfig, "Bad id"),
        (text_response(200, "<html>"), ConnectionFailed, "not JSON"),
        (text_response(429), RateLimited, "slow down"),
        (text_response(500), ConnectionFailed, "500"),
    ],
)
def test_each_refusal_of_the_test_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(GoogleAnalytics().test(config()), answer)
    assert API_SECRET not in caught.value.message


def test_an_event_too_large_is_not_retried() -> None:
    with pytest.raises(Rejected):
        play(GoogleAnalytics().deliver(CREATED, config(), THEN), text_response(413))


def test_events_reach_a_server_that_drops_what_google_drops() -> None:
    many = {f"field{number}": "x" * 500 for number in range(60)}
    odd = {"assetId": "a", "google_x": 1, "1st": 2, "Größe": 3, "a" * 99: 4}
    with FakeGoogleAnalytics() as fake:
        analytics = GoogleAnalytics({"apiUrl": fake.url})
        run_flow(analytics.test(config()))
        assert fake.recorded == []
        events = [
            CREATED,
            UPDATED,
            DELETED,
            PING,
            REPORT,
            message("asset.created", many),
            message("asset.created", odd),
        ]
        events += [message("session.start", {"locked": True}), message("screen.view", {})]
        for event in events:
            run_flow(analytics.deliver(event, config(), THEN))
        run_flow(analytics.test(config(**APP)))
        run_flow(analytics.deliver(CREATED, config(**APP, adUserData="GRANTED"), THEN))
        assert len(fake.recorded) == len(events) + 1


def test_with_oauth_the_stream_and_the_secret_are_verified() -> None:
    with FakeGoogleAnalytics() as fake:
        analytics = GoogleAnalytics({"apiUrl": fake.url})
        metadata = run_flow(analytics.test(connected())).metadata
        assert (metadata["stream"], metadata["verified"]) == ("Website", True)
        app = run_flow(analytics.test(connected(**APP))).metadata
        assert (app["firebaseAppId"], app["stream"]) == (FIREBASE_APP_ID, "Telephone")
        with pytest.raises(InvalidConfig, match="no stream G-OTHER1"):
            run_flow(analytics.test(connected(measurementId="G-OTHER1")))
        with pytest.raises(AuthFailed, match="no such API secret"):
            run_flow(analytics.test(connected(apiSecret="x" * 22)))
        with pytest.raises(AuthFailed, match="does not have permission"):
            run_flow(analytics.test(connected().model_copy(update={"property_id": "999999"})))

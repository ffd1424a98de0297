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
from tests.fakes.google_analytics import API_SECRET, MEASUREMENT_ID, TOKEN, FakeGoogleAnalytics
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
        for event in events:
            run_flow(analytics.deliver(event, config(), THEN))
        assert len(fake.recorded) == len(events)


def test_with_oauth_the_stream_and_the_secret_are_verified() -> None:
    with FakeGoogleAnalytics() as fake:
        analytics = GoogleAnalytics({"apiUrl": fake.url})
        metadata = run_flow(analytics.test(connected())).metadata
        assert (metadata["stream"], metadata["verified"]) == ("Website", True)
        with pytest.raises(InvalidConfig, match="no stream G-OTHER1"):
            run_flow(analytics.test(connected(measurementId="G-OTHER1")))
        with pytest.raises(AuthFailed, match="no such API secret"):
            run_flow(analytics.test(connected(apiSecret="x" * 22)))
        with pytest.raises(AuthFailed, match="does not have permission"):
            run_flow(analytics.test(connected().model_copy(update={"property_id": "999999"})))

"""`GET /events/:id`: the outcome of an event at each integration, with the reason."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations import services
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.publish import publish
from tests.api_client import Api, ApiClient
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.worker import drain
from webhooks.models import Lane

SLACK = {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX", "channel": "#a"}


def outcome_at_webhook(client: ApiClient, event: Event) -> dict[str, Any]:
    data = client.get(f"/events/{event.public_id}").json()["data"]
    entry: dict[str, Any]
    (entry,) = [entry for entry in data["integrations"] if entry["type"] == "webhook"]
    return entry


def test_an_event_shows_its_data_and_where_it_went(api: Api, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        event = publish(alice, "asset.created", {"assetId": "asset-1"})
        drain()
    data = api(alice).get(f"/api/v1/events/{event.public_id}").json()["data"]
    assert (data["id"], data["event"], data["data"]) == (event.public_id, "asset.created", {"assetId": "asset-1"})
    (entry,) = data["integrations"]
    assert (entry["type"], entry["outcome"], entry["waitsUntil"]) == ("webhook", "delivered", None)
    assert entry["deliveryId"].startswith("dlv_")


def test_a_delivery_that_waits_says_until_when_and_why(api: Api, alice: User) -> None:
    with FakeServer(lambda request: (500, {}, b"")) as server:
        connect_webhook(alice, server.url)
        event = publish(alice, "asset.created", {"assetId": "asset-1"})
        drain()
    entry = outcome_at_webhook(api(alice), event)
    assert entry["outcome"] == "pending"
    assert entry["waitsUntil"].endswith("Z")
    assert "HTTP 500" in entry["reason"]


@pytest.mark.parametrize(("columns", "words"), [(OPEN_CIRCUIT, "keeps failing"), ({"failures": 1}, "asked to wait")])
def test_a_delivery_that_is_held_back_says_why(api: Api, alice: User, columns: dict[str, int], words: str) -> None:
    connect_webhook(alice)
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    Lane.objects.update(**columns, held_until=timezone.now() + timedelta(minutes=5))
    entry = outcome_at_webhook(api(alice), event)
    assert entry["outcome"] == "pending"
    assert words in entry["reason"]


def test_a_delivery_that_waits_for_its_rate_limit_says_so(api: Api, alice: User) -> None:
    connect_webhook(alice, rateLimit=0.01)
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    Lane.objects.update(next_at=timezone.now() + timedelta(minutes=1))
    entry = outcome_at_webhook(api(alice), event)
    assert entry["outcome"] == "pending"
    assert "rate limit" in entry["reason"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Integration.Status.PAUSED, "resumed"),
        (Integration.Status.DISABLED, "disabled"),
        (Integration.Status.NEEDS_RECONNECT, "connected again"),
    ],
)
def test_a_delivery_that_waits_for_its_integration_says_so(api: Api, alice: User, status: str, words: str) -> None:
    integration = connect_webhook(alice)
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    services.change_status(integration, status)
    entry = outcome_at_webhook(api(alice), event)
    assert (entry["outcome"], entry["waitsUntil"]) == ("pending", None)
    assert words in entry["reason"]


def test_what_waits_behind_an_earlier_event_of_the_same_asset_says_so(api: Api, alice: User) -> None:
    connect_webhook(alice, ordered=True)
    first, second = (publish(alice, "asset.updated", {"assetId": "asset-1"}) for _ in range(2))
    assert outcome_at_webhook(api(alice), first)["reason"] == "It is being sent."
    assert outcome_at_webhook(api(alice), second)["reason"] == "It waits for an earlier event about the same asset."


def test_what_was_not_subscribed_to_was_not_sent(api: Api, alice: User) -> None:
    connect_webhook(alice, events=["asset.deleted"])
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    connect_webhook(alice, events=["asset.*"])
    entry = outcome_at_webhook(api(alice), event)
    assert (entry["outcome"], entry["reason"]) == ("not_sent", "It was not subscribed to asset.created.")


def test_what_happened_during_a_pause_was_not_sent(api: Api, alice: User) -> None:
    connect_webhook(alice)
    services.set_active(alice, "webhook", False)
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    services.set_active(alice, "webhook", True)
    entry = outcome_at_webhook(api(alice), event)
    assert (entry["outcome"], entry["reason"]) == ("not_sent", "It was paused when this happened.")


def test_what_happened_before_the_connection_was_not_sent(api: Api, alice: User) -> None:
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    connect_webhook(alice)
    entry = outcome_at_webhook(api(alice), event)
    assert (entry["outcome"], entry["reason"]) == ("not_sent", "It was connected after this event.")


def test_a_deleted_integration_is_listed_if_the_event_has_a_delivery_to_it(api: Api, alice: User) -> None:
    connect_webhook(alice)
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    services.delete_integration(alice, "webhook")
    entry = outcome_at_webhook(api(alice), event)
    assert (entry["outcome"], entry["reason"]) == ("cancelled", "The integration was deleted.")


def test_a_ping_goes_to_one_integration(api: Api, alice: User) -> None:
    connect_webhook(alice)
    services.save_integration(alice, "slack", SLACK)
    delivery = api(alice).post("/integrations/webhook/ping").json()["data"]
    outcomes = api(alice).get(f"/events/{delivery['eventId']}").json()["data"]["integrations"]
    assert {entry["type"]: entry["outcome"] for entry in outcomes} == {"webhook": "pending", "slack": "not_sent"}


def test_charlie_does_not_see_alices_events(api: Api, alice: User, charlie: User) -> None:
    event = publish(alice, "asset.created", {"assetId": "asset-1"})
    assert api(charlie).get(f"/events/{event.public_id}").status_code == 404
    assert api(alice).get("/events/evt_nothing").status_code == 404

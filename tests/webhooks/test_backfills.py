"""Sending afterwards what an integration missed, or what exists, as an API consumer does it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations import services
from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from invenicum.events.models import Event
from invenicum.events.publish import publish as publish_one
from tests.api_client import Api
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from tests.webhooks.backfilling import BACKFILL, miss, publish, run, start, step
from webhooks import backfill_steps
from webhooks.models import Delivery, Replay

Status = Delivery.Status
MISSED = {"what": "missed"}
SLACK = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX"


@pytest.fixture(autouse=True)
def nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """No publication began before the backfill and ends after it."""
    monkeypatch.setattr(backfill_steps, "SETTLE", timedelta(0))


def test_a_dry_run_counts_and_changes_nothing(api: Api, alice: User) -> None:
    connect_webhook(alice)
    miss(alice, 7)
    response = api(alice).post(BACKFILL, {**MISSED, "dryRun": True})
    data = response.json()["data"]
    assert (response.status_code, data["id"], data["count"], data["isExact"]) == (200, None, 7, True)
    assert not Delivery.objects.exists()
    assert not Replay.objects.exists()


def test_what_was_missed_is_sent_once_and_can_be_watched(api: Api, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        events = publish(alice, 2) + miss(alice, 5, first=2)
        client = api(alice)
        started = client.post(BACKFILL, MISSED)
        assert (started.status_code, started.json()["data"]["count"]) == (202, 5)
        run(Replay.objects.get())
        assert client.post(BACKFILL, {**MISSED, "dryRun": True}).json()["data"]["count"] == 0
    shown = client.get(f"/replays/{started.json()['data']['id']}").json()["data"]
    assert (shown["state"], shown["what"], shown["queued"], shown["delivered"]) == ("queued", "missed", 5, 5)
    assert sorted(request.headers["webhook-id"] for request in server.requests) == sorted(
        event.public_id for event in events
    )


def test_the_log_and_the_status_of_an_event_say_what_a_backfill_made(api: Api, alice: User) -> None:
    connect_webhook(alice)
    [live], [missed] = publish(alice, 1), miss(alice, 1, first=1)
    step(start(alice))
    client = api(alice)
    logged = {item["eventId"]: item["backfilled"] for item in client.get("/deliveries").json()["data"]}
    assert logged == {live.public_id: False, missed.public_id: True}
    [outcome] = client.get(f"/events/{missed.public_id}").json()["data"]["integrations"]
    assert (outcome["outcome"], outcome["backfilled"]) == ("pending", True)


@pytest.mark.parametrize("events", [["asset.created"], ["asset.*"], ["report.ready", "asset.created"]])
def test_the_present_subscriptions_decide(api: Api, alice: User, events: list[str]) -> None:
    connect_webhook(alice, events=["asset.deleted"])
    publish(alice, 2)
    publish_one(alice, "other.thing", {})
    publish_one(alice, "ping", {})
    connect_webhook(alice, events=events)
    assert api(alice).post(BACKFILL, {**MISSED, "dryRun": True}).json()["data"]["count"] == 2
    step(start(alice))
    assert set(Delivery.objects.values_list("event__name", flat=True)) == {"asset.created"}


def test_an_integration_that_is_connected_later_can_be_sent_the_events_from_before(api: Api, alice: User) -> None:
    publish(alice, 3)
    saved = api(alice).post("/integrations", {"type": "webhook", "config": {"url": "http://127.0.0.1:9/hook"}})
    assert saved.json()["data"]["missed"] == {"count": 3, "isExact": True, "since": None}
    assert step(start(alice)).queued == 3


def test_only_the_range_that_was_asked_for(api: Api, alice: User) -> None:
    connect_webhook(alice)
    old, middle, new = miss(alice, 3)
    now = timezone.now()
    for event, hours in ((old, 3), (middle, 2), (new, 1)):
        Event.objects.filter(pk=event.pk).update(created_at=now - timedelta(hours=hours))
    since, until = now - timedelta(hours=2, minutes=30), now - timedelta(hours=1, minutes=30)
    body = {**MISSED, "since": since.isoformat(), "until": until.isoformat(), "dryRun": True}
    assert api(alice).post(BACKFILL, body).json()["data"]["count"] == 1


def test_it_says_that_events_older_than_the_retention_are_gone(api: Api, alice: User, settings: Any) -> None:
    settings.RETENTION_DAYS = 30.0
    connect_webhook(alice)
    data = api(alice).post(BACKFILL, {**MISSED, "since": "2020-01-01T00:00:00Z", "dryRun": True}).json()["data"]
    assert data["message"] == f"Events from before {data['since']} are gone: they are kept for 30 days."
    assert api(alice).post(BACKFILL, {**MISSED, "dryRun": True}).json()["data"]["message"] is None


def test_resuming_says_how_much_was_missed_meanwhile_and_since_when(api: Api, alice: User) -> None:
    connect_webhook(alice)
    client = api(alice)
    miss(alice, 4)
    Event.objects.update(created_at=timezone.now() - timedelta(hours=1))
    client.patch("/integrations/webhook", {"isActive": False})
    publish(alice, 2, first=4)
    resumed = client.patch("/integrations/webhook", {"isActive": True}).json()["data"]["missed"]
    assert (resumed["count"], resumed["isExact"]) == (2, True)
    body = {**MISSED, "since": resumed["since"], "dryRun": True}
    assert client.post(BACKFILL, body).json()["data"]["count"] == 2
    assert "missed" not in client.patch("/integrations/webhook", {"isActive": True}).json()["data"]
    assert "missed" not in client.get("/integrations/webhook").json()["data"]


def test_existing_assets_are_sent_as_snapshots_to_this_integration_only(api: Api, alice: User, bob: User) -> None:
    Asset.objects.bulk_create(
        [Asset(owner=alice, asset_id=f"asset-{n}", name=f"Asset {n}", tags=["a"]) for n in range(3)]
    )
    Asset.objects.create(owner=bob, name="Bob's")
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        client = api(alice)
        assert client.post(BACKFILL, {"what": "existing", "dryRun": True}).json()["data"]["count"] == 3
        assert client.post(BACKFILL, {"what": "existing"}).status_code == 202
        run(Replay.objects.get())
    bodies = [request.json() for request in server.requests]
    assert {body["data"]["assetId"] for body in bodies} == {"asset-0", "asset-1", "asset-2"}
    assert all(list(body) == ["event", "timestamp", "data", "snapshot"] for body in bodies)
    assert all(body["event"] == "asset.created" and body["snapshot"] is True for body in bodies)
    assert set(bodies[0]["data"]) == {"assetId", "name", "category", "createdBy", "url"}
    assert client.post(BACKFILL, {**MISSED, "dryRun": True}).json()["data"]["count"] == 3  # of the real events


def test_a_snapshot_is_no_event_of_the_feed_nor_for_others(api: Api, alice: User) -> None:
    Asset.objects.create(owner=alice, asset_id="asset-1", name="One")
    connect_webhook(alice)
    step(start(alice, "existing"))
    services.save_integration(alice, "slack", {"webhookUrl": SLACK, "channel": "#assets"})
    snapshot = Event.objects.get(position=None)
    client = api(alice)
    assert snapshot.public_id not in client.get("/events").content.decode()
    assert client.get(f"/events?after={snapshot.public_id}").status_code == 200
    outcomes = {
        item["type"]: item for item in client.get(f"/events/{snapshot.public_id}").json()["data"]["integrations"]
    }
    assert outcomes["slack"]["reason"] == "A snapshot of an asset goes to one integration only."
    counted = client.post("/integrations/slack/backfill", {**MISSED, "dryRun": True}).json()["data"]["count"]
    assert counted == 1


@pytest.mark.parametrize(
    ("integration_type", "config"),
    [
        ("slack", {"webhookUrl": SLACK, "channel": "#assets"}),
        ("mixpanel", {"projectToken": "0123456789abcdef0123456789abcdef"}),
    ],
)
def test_chat_and_analytics_refuse_what_exists_with_a_sentence(
    api: Api, alice: User, integration_type: str, config: dict[str, Any]
) -> None:
    services.save_integration(alice, integration_type, config)
    for more in ({}, {"dryRun": True}):
        refused = api(alice).post(f"/integrations/{integration_type}/backfill", {"what": "existing", **more})
        assert refused.status_code == 400
        assert "keeps no copy of assets" in refused.json()["message"]
        assert list(refused.json()["details"]) == ["what"]


def test_what_is_not_subscribed_to_new_assets_refuses_what_exists(api: Api, alice: User) -> None:
    connect_webhook(alice, events=["asset.deleted"])
    refused = api(alice).post(BACKFILL, {"what": "existing"})
    assert (refused.status_code, "is not sent asset.created" in refused.json()["message"]) == (400, True)


def test_an_integration_has_one_backfill_under_way(api: Api, alice: User) -> None:
    connect_webhook(alice)
    miss(alice, 3)
    client = api(alice)
    first = client.post(BACKFILL, MISSED)
    refused = client.post(BACKFILL, MISSED)
    assert (refused.status_code, refused.json()["error"]) == (409, "QUOTA_EXCEEDED")
    assert client.post(BACKFILL, {**MISSED, "dryRun": True}).status_code == 200
    assert client.delete(f"/replays/{first.json()['data']['id']}").json()["data"]["state"] == "cancelled"
    assert client.post(BACKFILL, MISSED).status_code == 202


def test_a_repeated_request_with_its_key_starts_one(api: Api, alice: User) -> None:
    connect_webhook(alice)
    miss(alice, 1)
    client, key = api(alice), {"HTTP_IDEMPOTENCY_KEY": "once"}
    assert client.post(BACKFILL, MISSED, **key).json() == client.post(BACKFILL, MISSED, **key).json()
    assert Replay.objects.count() == 1


def test_a_cancelled_backfill_makes_nothing_more(api: Api, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    connect_webhook(alice)
    miss(alice, 30)
    backfill = step(start(alice))
    made = Delivery.objects.count()
    assert 0 < made < 30
    shown = api(alice).delete(f"/replays/{backfill.public_id}").json()["data"]
    assert (shown["state"], shown["cancelled"], shown["pending"]) == ("cancelled", made, 0)
    assert step(backfill).next_at is None
    assert Delivery.objects.count() == made
    assert set(Delivery.objects.values_list("error", flat=True)) == {"The backfill was cancelled."}


def test_requests_for_backfills_have_a_rate_limit_of_their_own(
    api: Api, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from invenicum.api.throttling import BackfillThrottle

    monkeypatch.setattr(BackfillThrottle, "rate", "2/min", raising=False)
    connect_webhook(alice)
    client = api(alice)
    answers = [client.post(BACKFILL, {**MISSED, "dryRun": True}).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


@pytest.mark.parametrize("body", [{}, {"what": "all"}, {"what": None}, {**MISSED, "since": 5}, {**MISSED, "x": 1}])
def test_a_backfill_has_to_say_what(api: Api, alice: User, body: Any) -> None:
    connect_webhook(alice)
    assert api(alice).post(BACKFILL, body).status_code == 400


def test_charlie_neither_starts_nor_sees_nor_cancels_alices_backfill(api: Api, alice: User, charlie: User) -> None:
    connect_webhook(alice)
    miss(alice, 2)
    backfill = start(alice)
    assert api(charlie).post(BACKFILL, MISSED).status_code == 404
    assert api(charlie).get(f"/replays/{backfill.public_id}").status_code == 404
    assert api(charlie).delete(f"/replays/{backfill.public_id}").status_code == 404
    assert api(alice, "deliveries:read").post(BACKFILL, MISSED).status_code == 403

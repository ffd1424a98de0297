"""The delivery API, as an API consumer sees it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from integrations import services
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.api_client import Api
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.worker import drain
from webhooks.models import Delivery, Lane

UNKNOWN = "dlv_" + "0" * 32


@pytest.fixture
def delivered(alice: User) -> Delivery:
    with FakeServer(lambda request: (200, {}, b"thanks")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "asset-1"})
        drain()
    return Delivery.objects.get()


@pytest.fixture
def failed(alice: User, settings: Settings) -> Delivery:
    settings.RETRY_SCHEDULE = (0,)
    with FakeServer(lambda request: (500, {}, b"broken")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "asset-1"})
        drain()
    return Delivery.objects.get()


def test_the_log_shows_the_delivery_of_an_event(api: Api, alice: User, delivered: Delivery) -> None:
    body = api(alice).get("/api/v1/deliveries").json()
    (entry,) = body["data"]
    assert body["next"] is body["previous"] is None
    assert entry["id"] == delivered.public_id
    assert (entry["type"], entry["event"], entry["status"]) == ("webhook", "asset.created", "delivered")
    assert (entry["attemptCount"], entry["nextAttemptAt"], entry["error"]) == (1, None, None)


def test_one_delivery_has_its_payload_and_attempts(api: Api, alice: User, failed: Delivery) -> None:
    data = api(alice).get(f"/deliveries/{failed.public_id}").json()["data"]
    assert data["payload"]["event"] == "asset.created"
    assert data["payload"]["data"] == {"assetId": "asset-1"}
    assert (data["status"], data["error"]) == ("failed", "WEBHOOK_DELIVERY_FAILED")
    (attempt,) = data["attempts"]
    assert (attempt["number"], attempt["statusCode"], attempt["errorClass"]) == (1, 500, "http")
    assert attempt["responseExcerpt"] == "broken"
    assert attempt["durationMs"] >= 0


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("type=webhook", 1),
        ("type=slack", 0),
        ("status=delivered", 1),
        ("status=failed", 0),
        ("event=asset.created", 1),
        ("event=asset.deleted", 0),
        ("since=2020-01-01T00:00:00Z&until=2999-01-01T00:00:00Z", 1),
        ("since=2999-01-01T00:00:00Z", 0),
        ("until=2020-01-01T00:00:00Z", 0),
    ],
)
def test_the_log_can_be_filtered(api: Api, alice: User, delivered: Delivery, query: str, count: int) -> None:
    assert len(api(alice).get(f"/deliveries?{query}").json()["data"]) == count


@pytest.mark.parametrize("query", ["status=lost", "since=yesterday", "since=2020-01-01T00:00:00", "colour=red"])
def test_a_wrong_filter_is_named(api: Api, alice: User, query: str) -> None:
    response = api(alice).get(f"/deliveries?{query}")
    assert (response.status_code, response.json()["error"]) == (400, "INVALID_CONFIG")
    assert set(response.json()["details"]) == {query.split("=")[0]}


def test_the_log_has_pages(api: Api, alice: User) -> None:
    connect_webhook(alice)
    for number in range(5):
        publish(alice, "asset.created", {"assetId": str(number)})
    seen: list[str] = []
    address = "/deliveries?limit=2"
    while address:
        page = api(alice).get(address).json()
        seen += [entry["id"] for entry in page["data"]]
        address = page["next"]
    assert seen == [delivery.public_id for delivery in Delivery.objects.order_by("-id")]


def test_a_longer_page_takes_no_more_statements(api: Api, alice: User) -> None:
    connect_webhook(alice)
    client, counts = api(alice), []
    for assets in (1, 5):
        for number in range(assets):
            publish(alice, "asset.created", {"assetId": str(number)})
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/deliveries").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["type", "event"])
def test_a_filter_with_a_nul_character_is_refused(api: Api, alice: User, name: str) -> None:
    response = api(alice).get(f"/deliveries?{name}=%00")
    assert response.json()["details"] == {name: ["must not contain a NUL character"]}


def test_attempts_are_numbered_in_order(api: Api, alice: User, failed: Delivery) -> None:
    failed.attempts.create(started_at=failed.created_at, duration_ms=3, error_class="timeout")
    attempts = api(alice).get(f"/deliveries/{failed.public_id}").json()["data"]["attempts"]
    assert [(attempt["number"], attempt["statusCode"], attempt["errorClass"]) for attempt in attempts] == [
        (1, 500, "http"),
        (2, None, "timeout"),
    ]
    assert (attempts[1]["error"], attempts[1]["responseExcerpt"]) == (None, None)


@pytest.mark.parametrize(("columns", "circuit"), [({"failures": 0}, "closed"), (OPEN_CIRCUIT, "half_open")])
def test_the_health_of_an_integration_is_shown(api: Api, alice: User, columns: dict[str, int], circuit: str) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "asset-1"})
    Lane.objects.update(**columns)
    response = api(alice).get("/integrations/webhook/health")
    data = response.json()["data"]
    assert data.pop("oldestPending").endswith("Z")
    assert data == {
        "circuit": circuit,
        "failuresInARow": columns["failures"],
        "heldUntil": None,
        "failingSince": None,
        "pending": 1,
        "waiting": 0,
    }
    assert response["Cache-Control"] == "no-store"


def test_a_failed_delivery_can_be_retried_by_hand(api: Api, alice: User, failed: Delivery) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        response = api(alice).post(f"/deliveries/{failed.public_id}/retry")
        assert (response.status_code, response.json()["data"]["status"]) == (202, "pending")
        drain()
    assert server.requests[0].headers["webhook-id"] == failed.event.public_id
    failed.refresh_from_db()
    assert failed.status == Delivery.Status.DELIVERED
    assert failed.attempts.count() == 2


def test_a_retry_of_a_paused_integration_waits_for_it(api: Api, alice: User, failed: Delivery) -> None:
    services.set_active(alice, "webhook", False)
    assert api(alice).post(f"/deliveries/{failed.public_id}/retry").status_code == 202
    failed.refresh_from_db()
    assert (failed.status, failed.due_at) == (Delivery.Status.PENDING, None)


def test_what_belonged_to_a_deleted_integration_cannot_be_retried(api: Api, alice: User, failed: Delivery) -> None:
    services.delete_integration(alice, "webhook")
    response = api(alice).post(f"/deliveries/{failed.public_id}/retry")
    assert (response.status_code, response.json()["error"]) == (404, "INTEGRATION_NOT_FOUND")
    assert api(alice).get(f"/deliveries/{failed.public_id}").json()["data"]["type"] == "webhook"


def test_a_ping_goes_to_one_integration_only(api: Api, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url, events=["asset.deleted"])
        response = api(alice).post("/integrations/webhook/ping")
        assert response.status_code == 202
        drain()
    assert server.requests[0].json()["event"] == "ping"
    delivery = api(alice).get(f"/deliveries/{response.json()['data']['id']}").json()["data"]
    assert (delivery["event"], delivery["status"]) == ("ping", "delivered")


def test_a_ping_needs_an_integration(api: Api, alice: User) -> None:
    for integration_type in ("webhook", "fax"):
        response = api(alice).post(f"/integrations/{integration_type}/ping")
        assert (response.status_code, response.json()["error"]) == (404, "INTEGRATION_NOT_FOUND")


def test_charlie_sees_and_touches_nothing_of_alices(api: Api, alice: User, charlie: User, failed: Delivery) -> None:
    client = api(charlie)
    assert client.get("/deliveries").json()["data"] == []
    assert client.get(f"/deliveries/{failed.public_id}").status_code == 404
    assert client.post(f"/deliveries/{failed.public_id}/retry").status_code == 404
    assert client.post("/integrations/webhook/ping").status_code == 404
    assert client.post("/integrations/webhook/replay", {"since": "2020-01-01T00:00:00Z"}).status_code == 404
    failed.refresh_from_db()
    assert failed.status == Delivery.Status.FAILED


@pytest.mark.parametrize("delivery_id", [UNKNOWN, "dlv_x", "evt_" + "0" * 32, "1"])
def test_an_unknown_delivery_is_not_found(api: Api, alice: User, delivery_id: str) -> None:
    for response in (api(alice).get(f"/deliveries/{delivery_id}"), api(alice).post(f"/deliveries/{delivery_id}/retry")):
        assert (response.status_code, response.json()["error"]) == (404, "NOT_FOUND")

"""Circuit breaker, rate limit and order, through the engine: an endpoint that fails delays no other."""

import time
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish, publish_many
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer, Received
from tests.waiting import wait_until
from webhooks.engine.worker import drain
from webhooks.models import Delivery, Lane

Status = Delivery.Status


def many(owner: User, count: int, **data: Any) -> None:
    publish_many([Draft(owner, "asset.created", {"assetId": f"asset-{n}", **data}) for n in range(count)])


def test_nothing_is_sent_for_a_while_to_an_endpoint_that_keeps_failing(api: Any, alice: User) -> None:
    with FakeServer(lambda request: (500, {}, b"")) as server:
        integration = connect_webhook(alice, server.url)
        many(alice, 100)
        drain()
        arrived = len(server.requests)
        drain()
        assert len(server.requests) == arrived
    assert 10 <= arrived <= 14  # and what was in flight at the tenth failure
    health = api(alice).get("/integrations/webhook/health").json()["data"]
    assert (health["circuit"], health["failuresInARow"], health["pending"]) == ("open", 10, 100)
    assert health["heldUntil"] is not None
    integration.refresh_from_db()
    assert integration.failing_since is not None
    assert Delivery.objects.filter(attempt_count=0).count() == 100 - arrived


def test_after_that_one_probe_closes_the_circuit(api: Any, alice: User) -> None:
    works = False
    with FakeServer(lambda request: (200 if works else 500, {}, b"")) as server:
        integration = connect_webhook(alice, server.url)
        many(alice, 30)
        drain()
        before = len(server.requests)
        Lane.objects.update(held_until=timezone.now() - timedelta(seconds=1))
        assert api(alice).get("/integrations/webhook/health").json()["data"]["circuit"] == "half_open"
        drain()
        assert len(server.requests) == before + 1
        lane = Lane.objects.get()
        assert (lane.failures, lane.circuit_state(timezone.now())) == (11, "open")

        works = True
        Delivery.objects.update(due_at=timezone.now())
        Lane.objects.update(held_until=timezone.now() - timedelta(seconds=1))
        drain()
    assert set(Delivery.objects.values_list("status", flat=True)) == {Status.DELIVERED}
    lane.refresh_from_db()
    integration.refresh_from_db()
    assert (lane.failures, lane.held_until, integration.failing_since) == (0, None, None)


def test_an_endpoint_that_fails_does_not_delay_a_healthy_one(alice: User, bob: User) -> None:
    with FakeServer(lambda request: (500, {}, b"")) as dead, FakeServer(lambda request: (200, {}, b"")) as healthy:
        connect_webhook(alice, dead.url)
        connect_webhook(bob, healthy.url)
        many(alice, 50)
        many(bob, 50)
        drain()
    assert Delivery.objects.filter(owner=bob, status=Status.DELIVERED).count() == 50


def test_while_an_endpoint_asks_to_wait_nothing_else_is_sent_to_it(alice: User) -> None:
    with FakeServer(lambda request: (429, {"Retry-After": "100"}, b"")) as server:
        connect_webhook(alice, server.url)
        many(alice, 50)
        drain()
        arrived = len(server.requests)
        drain()
        assert len(server.requests) == arrived <= 4
    held_until = Lane.objects.get().held_until
    assert held_until is not None
    assert (held_until - timezone.now()).total_seconds() == pytest.approx(100, abs=10)


def test_a_limited_integration_gets_no_more_than_it_asked_for(alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url, rateLimit=20)
        many(alice, 30)
        began = time.monotonic()
        drain()
        took = time.monotonic() - began
    assert len(server.requests) == 30
    assert took >= 27 / 20  # two may go at once, then one every twentieth of a second


def test_a_worker_that_waits_for_a_rate_limit_does_not_spin(alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url, rateLimit=4)
        many(alice, 4)
        turns = 0

        def count_a_turn() -> bool:
            nonlocal turns
            turns += 1
            return False

        drain(should_stop=count_a_turn)
    assert len(server.requests) == 4
    assert turns < 100  # for the half second and more that it takes


def test_an_integration_can_configure_its_rate_limit(api: Any, alice: User) -> None:
    connect_webhook(alice, rateLimit=20, ordered=True)
    config = api(alice).get("/integrations/webhook").json()["data"]["config"]
    assert (config["rateLimit"], config["ordered"]) == (20, True)
    for wrong in (0, -1, 5000, "fast"):
        response = api(alice).post(
            "/integrations", {"type": "webhook", "config": {"url": "https://a.example.com/", "rateLimit": wrong}}
        )
        assert set(response.json()["details"]) == {"rateLimit"}


def test_an_ordered_integration_gets_each_assets_events_in_order_and_one_at_a_time(alice: User, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 0.2, 0.2, 0.2)
    seen: dict[str, list[int]] = defaultdict(list)
    failed_once: set[str] = set()

    def receive(request: Received) -> Any:
        data = request.json()["data"]
        key = f"{data['assetId']}/{data['version']}"
        if data["version"] == 2 and key not in failed_once:
            failed_once.add(key)
            return 503, {}, b""
        seen[data["assetId"]].append(data["version"])
        return 200, {}, b""

    with FakeServer(receive) as server:
        connect_webhook(alice, server.url, ordered=True)
        for version in range(6):
            many(alice, 5, version=version)

        def are_all_delivered() -> bool:
            drain()
            return not Delivery.objects.filter(status=Status.PENDING).exists()

        wait_until(are_all_delivered, "everything is delivered")
    assert dict(seen) == {f"asset-{n}": [0, 1, 2, 3, 4, 5] for n in range(5)}


def test_on_an_ordered_integration_no_asset_waits_for_another(alice: User) -> None:
    with FakeServer(lambda request: (500 if request.json()["data"]["assetId"] == "bad" else 200, {}, b"")) as server:
        connect_webhook(alice, server.url, ordered=True)
        for asset in ("bad", "good", "bad", "good"):
            publish(alice, "asset.created", {"assetId": asset})
        drain()
    by_asset = defaultdict(list)
    for delivery in Delivery.objects.order_by("id"):
        by_asset[delivery.event.subject].append((delivery.status, delivery.attempt_count))
    assert by_asset["good"] == [(Status.DELIVERED, 1), (Status.DELIVERED, 1)]
    assert by_asset["bad"] == [(Status.PENDING, 1), (Status.PENDING, 0)]

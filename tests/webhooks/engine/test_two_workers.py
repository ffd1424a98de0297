"""Two workers on one database: the limits and the order of an integration hold for both together."""

import threading
import time
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer, Received
from tests.waiting import WAIT_DEADLINE_SECONDS
from webhooks.engine.worker import Worker
from webhooks.models import Delivery

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="the embedded database has one worker"),
]


def work_together(workers: int) -> None:
    """Lets so many workers run until each of them has found nothing left."""

    def work() -> None:
        worker = Worker()
        while Delivery.objects.filter(status=Delivery.Status.PENDING).exists():
            worker.drain(None, lambda: False, lambda: None)
        worker.close()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_DEADLINE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)


def test_every_delivery_is_sent_by_exactly_one_of_them(alice: User, bob: User, charlie: User) -> None:
    seen: Counter[str] = Counter()

    def count(request: Received) -> Any:
        seen[request.headers["webhook-id"]] += 1
        return 200, {}, b""

    owners = (alice, bob, charlie)
    with FakeServer(count) as server:
        for owner in owners:
            connect_webhook(owner, server.url)
        publish_many([Draft(owner, "asset.created", {"assetId": str(n)}) for n in range(100) for owner in owners])
        work_together(2)
    assert len(seen) == 300
    assert set(seen.values()) == {1}


def test_the_rate_of_an_integration_holds_for_both_together(alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url, rateLimit=20)
        publish_many([Draft(alice, "asset.created", {"assetId": str(n)}) for n in range(30)])
        began = time.monotonic()
        work_together(2)
        took = time.monotonic() - began
    assert len(server.requests) == 30
    assert took >= 27 / 20


def test_what_an_integration_takes_at_once_holds_for_both_together(alice: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("webhooks.engine.worker.LANE_CONCURRENCY", 3)
    under_way, most, lock = 0, 0, threading.Lock()

    def answer(request: Received) -> Any:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        threading.Event().wait(0.02)  # long enough for the others to arrive, if they may
        with lock:
            under_way -= 1
        return 200, {}, b""

    with FakeServer(answer) as server:
        connect_webhook(alice, server.url)
        publish_many([Draft(alice, "asset.created", {"assetId": str(n)}) for n in range(60)])
        work_together(2)
    assert len(server.requests) == 60
    assert most <= 3


def test_the_order_of_an_assets_events_holds_for_both_together(alice: User) -> None:
    seen: list[tuple[str, int]] = []

    def note(request: Received) -> Any:
        data = request.json()["data"]
        seen.append((data["assetId"], data["version"]))
        return 200, {}, b""

    with FakeServer(note) as server:
        connect_webhook(alice, server.url, ordered=True)
        for version in range(10):
            publish_many([Draft(alice, "asset.updated", {"assetId": f"a{n}", "version": version}) for n in range(5)])
        work_together(2)
    for n in range(5):
        assert [version for asset, version in seen if asset == f"a{n}"] == list(range(10))

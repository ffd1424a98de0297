"""A process keeps its worker between drains."""

from typing import Any

import pytest

from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.worker import ProcessWorker
from webhooks.models import Delivery, EngineHeartbeat


def drain(process_worker: ProcessWorker) -> None:
    process_worker.drain(None, lambda: False, lambda: None)


def attempts_counted() -> dict[str, int]:
    counted: dict[str, int] = EngineHeartbeat.objects.get().counters["attempts"]
    return counted


def test_connections_stay_open_between_drains(alice: User) -> None:
    process_worker = ProcessWorker()
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        for asset in ("a", "b"):
            publish(alice, "asset.created", {"assetId": asset})
            drain(process_worker)
        assert (len(server.requests), server.connections) == (2, 1)


def test_after_an_error_a_new_worker_continues_and_the_counters_do_not_go_back(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhooks.engine.heartbeat.HEARTBEAT_INTERVAL_SECONDS", 0)
    process_worker = ProcessWorker()

    def fail() -> Any:
        raise RuntimeError("a fault of the caller")

    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        drain(process_worker)
        with pytest.raises(RuntimeError):
            process_worker.drain(None, fail, lambda: None)
        publish(alice, "asset.created", {"assetId": "b"})
        drain(process_worker)
    assert attempts_counted() == {"delivered||": 2}
    assert set(Delivery.objects.values_list("status", flat=True)) == {Delivery.Status.DELIVERED}

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.heartbeat import GONE_WORKERS, Heartbeat, last_drain
from webhooks.engine.metrics import Counters, EngineCollector, total
from webhooks.engine.worker import Worker
from webhooks.models import Delivery, EngineHeartbeat, Lane


def samples() -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(EngineCollector())
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_attempts_are_counted_by_what_they_led_to(alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.engine.heartbeat.HEARTBEAT_INTERVAL_SECONDS", 0)
    settings.RETRY_SCHEDULE = (0, 0)
    answers = iter([500, 200])
    with FakeServer(lambda request: (next(answers), {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        worker = Worker()
        worker.drain(None, lambda: False, lambda: None)
        worker.close()
    found = samples()
    assert found["invenicum_delivery_attempts_total", "", "", "delivered"] == 1
    assert found["invenicum_delivery_attempts_total", "http", "retried", "service"] == 1
    assert found[("invenicum_delivery_latency_seconds_count",)] == 1
    assert 0 < found[("invenicum_delivery_latency_seconds_sum",)] < 30
    assert found["invenicum_delivery_latency_seconds_bucket", "+Inf"] == 1


def test_the_counters_of_all_workers_are_added_up_those_of_gone_ones_too(alice: User) -> None:
    counters = Counters()
    counters.count("delivered", "", "")
    counters.observe(0.02)
    now = timezone.now()
    for worker, age in (("a", timedelta(0)), ("b", timedelta(days=2)), ("c", timedelta(days=3))):
        EngineHeartbeat.objects.create(worker=worker, last_drain_at=now - age, counters=counters.as_json())
    before = samples()["invenicum_delivery_attempts_total", "", "", "delivered"]
    Heartbeat().beat()
    assert set(EngineHeartbeat.objects.values_list("worker", flat=True)) >= {"a", GONE_WORKERS}
    assert not EngineHeartbeat.objects.filter(worker__in=("b", "c")).exists()
    assert samples()["invenicum_delivery_attempts_total", "", "", "delivered"] == before == 3


def test_a_worker_that_is_gone_does_not_count_as_running(alice: User) -> None:
    EngineHeartbeat.objects.create(worker="old", last_drain_at=timezone.now() - timedelta(days=2))
    assert last_drain() is not None
    Heartbeat().beat()
    last = last_drain()
    assert last is not None
    assert (timezone.now() - last).total_seconds() < 10


def test_what_waits_for_its_owner_to_correct_the_target_raises_no_alarm(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    Delivery.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert samples()[("invenicum_oldest_undelivered_seconds",)] >= 3600
    Integration.objects.update(problem="There is no such bucket.", problem_fault=Integration.Fault.TARGET)
    found = samples()
    assert found[("invenicum_oldest_undelivered_seconds",)] == 0
    assert (found["invenicum_deliveries_pending", "held"], found["invenicum_deliveries_pending", "due"]) == (1, 0)


def test_open_circuits_are_counted(alice: User) -> None:
    connect_webhook(alice)
    assert samples()[("invenicum_circuits_open",)] == 0
    Lane.objects.update(held_until=timezone.now() + timedelta(minutes=1))
    assert samples()[("invenicum_circuits_open",)] == 1


def test_counters_that_an_older_version_wrote_are_read(alice: User) -> None:
    assert total([{}, {"attempts": {"delivered|": 2}}]).attempts["delivered|"] == 2
    EngineHeartbeat.objects.create(worker="old", last_drain_at=timezone.now(), counters={"attempts": {"delivered|": 2}})
    assert samples()["invenicum_delivery_attempts_total", "", "", "delivered"] == 2

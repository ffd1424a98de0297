from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from invenicum.operations import samples
from invenicum.operations.models import FailureCause, Sample
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks import duties
from webhooks.engine.worker import Worker
from webhooks.models import Delivery, EngineHeartbeat, Lane

NOON = datetime(2026, 5, 1, 12, 0, 20, tzinfo=UTC)


def deliver() -> None:
    worker = Worker()
    worker.drain(None, lambda: False, lambda: None)
    worker.close()


@pytest.fixture
def busy(alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Integration:
    """Alice's webhook after a delivery, one that is tried later and one that was given up, and one that is due."""
    monkeypatch.setattr("webhooks.engine.heartbeat.HEARTBEAT_INTERVAL_SECONDS", 0)
    settings.RETRY_SCHEDULE = (0, 3600)
    statuses = iter([200, 503, 410])
    with FakeServer(lambda request: (next(statuses), {}, b"")) as server:
        integration = connect_webhook(alice, server.url)
        for name in ("created", "updated"):
            publish(alice, f"asset.{name}", {"assetId": "a"})
            deliver()
    publish(alice, "asset.deleted", {"assetId": "a"})
    return integration


def metrics(client: Client) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    return {
        (item.name.removeprefix("invenicum_"), *sorted(item.labels.values())): item.value
        for family in families
        for item in family.samples
    }


def test_a_sample_has_the_figures_of_metrics(busy: Integration, client: Client) -> None:
    Lane.objects.update(held_until=timezone.now() + timedelta(minutes=1))
    sample = samples.take_due()
    assert sample
    scraped = metrics(client)
    assert sample.attempts == {"delivered||": 1, "retried|http|service": 1}
    for key, count in sample.attempts.items():
        assert scraped["delivery_attempts_total", *sorted(key.split("|"))] == count
    for state in ("due", "later", "held", "waiting"):
        assert scraped["deliveries_pending", state] == getattr(sample, state)
    assert (sample.due, sample.later, sample.circuits_open) == (1, 1, 1)
    assert scraped[("circuits_open",)] == 1
    assert scraped[("delivery_latency_seconds_count",)] == sum(sample.latency) == 1
    assert scraped[("delivery_latency_seconds_sum",)] == sample.latency_sum
    assert 0 <= scraped[("oldest_undelivered_seconds",)] - sample.oldest_seconds < 60


def test_a_minute_has_one_sample_whatever_process_comes_first(alice: User) -> None:
    assert samples.take_due(NOON)
    assert samples.take_due(NOON + timedelta(seconds=30)) is None
    assert samples.take_due(NOON + timedelta(seconds=40))
    assert [sample.at.minute for sample in Sample.objects.filter(seconds=60).order_by("at")] == [0, 1]


def test_the_engines_duties_take_it(alice: User) -> None:
    duties.run_all("watching")
    assert samples.latest()


def test_a_quarter_hour_has_the_newest_counters_and_the_highest_of_the_rest(alice: User) -> None:
    EngineHeartbeat.objects.create(worker="a", last_drain_at=NOON, mark=1, counters={"attempts": {"delivered||": 1}})
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    samples.take_due(NOON)
    Delivery.objects.all().delete()
    EngineHeartbeat.objects.update(counters={"attempts": {"delivered||": 2}})
    samples.take_due(NOON + timedelta(minutes=14))
    samples.take_due(NOON + timedelta(minutes=15))
    first, second = Sample.objects.filter(seconds=900).order_by("at")
    assert (first.at.minute, second.at.minute) == (0, 15)
    assert (first.attempts["delivered||"], first.later + first.due) == (2, 1)
    assert (second.attempts["delivered||"], second.later + second.due) == (2, 0)


def test_minutes_stay_for_eight_hours_and_quarter_hours_for_fourteen_days(alice: User) -> None:
    for age in (timedelta(days=15), timedelta(days=13), timedelta(hours=9), timedelta(hours=7)):
        samples.take_due(NOON - age)
    samples.take_due(NOON)
    assert Sample.objects.filter(seconds=60).count() == 2
    assert Sample.objects.filter(seconds=900).count() == 4


def test_the_samples_of_a_range_begin_with_the_one_before_it(alice: User) -> None:
    for minutes in range(5):
        samples.take_due(NOON + timedelta(minutes=minutes))
    found = samples.since(NOON + timedelta(minutes=2, seconds=1), Sample.Period.MINUTE)
    assert [sample.at.minute for sample in found] == [2, 3, 4]


def test_workers_count_as_alive_while_they_beat(alice: User) -> None:
    for name, age, mark in (("a", 2, 1), ("b", 300, 2), ("ended", 2, None)):
        EngineHeartbeat.objects.create(worker=name, last_drain_at=NOON - timedelta(seconds=age), mark=mark)
    sample = samples.take_due(NOON)
    assert sample
    assert (sample.workers_alive, sample.workers_known) == (1, 2)


def test_failures_are_counted_by_cause_with_each_sample(busy: Integration, bob: User) -> None:
    samples.take_due()
    cause = FailureCause.objects.get()
    failed = Delivery.objects.get(error_class="http")
    assert (cause.type, cause.error_class, cause.status_code) == ("webhook", "http", 503)
    assert (cause.deliveries, cause.owners, cause.example, cause.since) == (1, 1, failed.pk, failed.created_at)
    assert cause.error == failed.error != ""
    Delivery.objects.update(status="cancelled")
    samples.take_due(timezone.now() + timedelta(minutes=1))
    assert not FailureCause.objects.exists()


def test_a_delivery_that_succeeds_at_last_has_no_error_any_more(
    alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRY_SCHEDULE = (0, 0)
    statuses = iter([500, 200])
    with FakeServer(lambda request: (next(statuses), {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        deliver()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error_class, delivery.status_code) == ("delivered", "", None)

"""What the engine tells of itself: when it looked for work, when something moved, and what is due."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.heartbeat import HEARTBEAT_INTERVAL_SECONDS, Heartbeat, Progress, progress
from webhooks.engine.postgresql_claim import IDLE_CLAIM
from webhooks.engine.worker import Worker
from webhooks.models import Delivery, EngineHeartbeat, Lane

HOUR = timedelta(hours=1)


def drain() -> None:
    worker = Worker()
    worker.drain(None, lambda: False, lambda: None)
    worker.close()


@pytest.fixture
def long_ago(db: None) -> datetime:
    return (timezone.now() - HOUR).replace(microsecond=123456)


def test_an_engine_that_never_ran_has_no_progress(db: None) -> None:
    assert progress() == Progress(None, None, None)


def test_what_is_due_is_told_until_it_was_sent(
    alice: User, monkeypatch: pytest.MonkeyPatch, long_ago: datetime
) -> None:
    monkeypatch.setattr("webhooks.engine.heartbeat.HEARTBEAT_INTERVAL_SECONDS", 0)
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        Delivery.objects.update(due_at=long_ago)
        assert progress() == Progress(None, None, long_ago)
        before = timezone.now()
        drain()
    told = progress()
    assert told.due_since is None
    assert told.last_drain is not None
    assert told.last_outcome is not None
    assert min(told.last_drain, told.last_outcome) >= before


def test_what_is_held_or_scheduled_or_waits_for_an_earlier_one_could_not_be_sent(
    alice: User, long_ago: datetime
) -> None:
    connect_webhook(alice, ordered=True)
    for _ in range(2):
        publish(alice, "asset.created", {"assetId": "a"})
    later = timezone.now() + HOUR
    Delivery.objects.update(due_at=long_ago)
    assert progress().due_since == long_ago
    Lane.objects.update(held_until=later)
    assert progress().due_since is None
    Lane.objects.update(held_until=long_ago)
    first = Delivery.objects.earliest("id")
    Delivery.objects.filter(pk=first.pk).update(due_at=later)
    assert progress().due_since is None


def test_an_engine_that_looks_for_work_and_writes_nothing_can_be_told(alice: User, long_ago: datetime) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    Delivery.objects.update(due_at=long_ago)
    Lane.objects.update(worker=1, leased_until=timezone.now() + timedelta(seconds=9))  # by one that is frozen
    drain()
    told = progress()
    assert (told.last_outcome, told.due_since) == (None, long_ago)
    assert told.last_drain is not None


def test_a_beat_is_one_statement_and_tells_which_other_workers_of_the_machine_have_not_ended(db: None) -> None:
    heartbeat = Heartbeat()
    heartbeat.beat()
    [own] = EngineHeartbeat.objects.all()
    for name, machine, mark in (("other", own.machine, 1), ("elsewhere", "another", 2), ("ended", own.machine, None)):
        then, process = own.last_drain_at, {"process_id": 4711, "process_started": 1}
        EngineHeartbeat.objects.create(worker=name, last_drain_at=then, mark=mark, machine=machine, **process)
    heartbeat.counters.count("delivered", "", "")
    heartbeat._written_at -= HEARTBEAT_INTERVAL_SECONDS
    with CaptureQueriesContext(connection) as statements:
        assert [neighbour.worker for neighbour in heartbeat.beat()] == ["other"]
    assert sum("heartbeat" in one["sql"] for one in statements) == (1 if connection.vendor == "postgresql" else 2)
    written = EngineHeartbeat.objects.get(pk=own.pk)
    assert written.last_drain_at > own.last_drain_at
    assert written.counters["attempts"] == {"delivered||": 1}
    assert (written.mark, written.process_id) == (own.mark, os.getpid())


def test_a_worker_whose_row_is_gone_gets_another_with_its_next_beat(db: None) -> None:
    heartbeat = Heartbeat()
    heartbeat.beat()
    EngineHeartbeat.objects.all().delete()
    heartbeat._written_at -= HEARTBEAT_INTERVAL_SECONDS
    heartbeat.beat()
    assert EngineHeartbeat.objects.get().mark == heartbeat.mark


def test_the_heartbeat_does_not_delay_the_claim_except_for_the_first(alice: User, long_ago: datetime) -> None:
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.extend(kind for kind in ("webhooks_engineheartbeat", IDLE_CLAIM.name) if kind in sql)
        return execute(sql, params, many, context)

    heartbeat = Heartbeat()
    worker = Worker(heartbeat)
    with connection.execute_wrapper(note):
        worker.drain(None, lambda: False, lambda: None)
        first, statements[:] = statements[0], []
        heartbeat._written_at -= HEARTBEAT_INTERVAL_SECONDS
        worker.drain(None, lambda: False, lambda: None)
    worker.close()
    assert first == "webhooks_engineheartbeat"  # else others could not notice that it died
    if connection.vendor == "postgresql":
        assert statements[0] == IDLE_CLAIM.name
    assert "webhooks_engineheartbeat" in statements

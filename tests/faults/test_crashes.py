"""Workers that die on a delivery or are killed, and faults of the engine itself: each costs its own lane only."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from integrations import registry
from integrations.connectors.webhook import Webhook
from integrations.core.http import Flow
from invenicum.accounts.models import User
from invenicum.events.message import Message
from invenicum.events.publish import publish as publish_one
from tests.api_client import Api
from tests.factories import connect_webhook
from tests.faults.conftest import Broker, Receiver, all_delivered, counts, on_postgresql, publish
from tests.processes import Process, beat, children, deliver, environment, worker
from tests.waiting import wait_until
from webhooks.engine import attempts, crashes, postgresql_claim, postgresql_rows
from webhooks.engine.metrics import total
from webhooks.engine.outcomes import outcome_of
from webhooks.engine.worker import ProcessWorker, Worker
from webhooks.models import Delivery, EngineHeartbeat, Lane

pytestmark = pytest.mark.django_db(transaction=True)

Status = Delivery.Status
# Starts the engine with a connector that ends the process at one event.
ENGINE = """
import os, signal, sys
import django; django.setup()
from integrations.connectors.webhook import Webhook
send = Webhook.deliver
def deliver(self, message, config, now):
    if b"poison" in message.body:
        {end}
    return send(self, message, config, now)
Webhook.deliver = deliver
{start}
"""
DELIVER = "from django.core.management import call_command; call_command('deliver')"
CELERY = "from invenicum.celery import app; app.worker_main(['worker', '--concurrency=2', '--without-mingle'])"
ENDS = {"exits": "os._exit(1)", "violates memory": "os.kill(os.getpid(), signal.SIGSEGV)"}


@contextmanager
def engine(start: str, end: str, broker: Broker, folder: Path) -> Iterator[Process]:
    """An engine that dies at poison, by the `deliver` command or in Celery."""
    script = ENGINE.format(start=start, end=end)
    if start == DELIVER:
        with Process(["-c", script], environment(), folder / "engine.log") as process:
            yield process
        return
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="0.5")
    with beat(env, folder / "beat.log", folder / "schedule"), Process(["-c", script], env, folder / "e.log") as process:
        yield process


def faults() -> dict[str, int]:
    return dict(total(EngineHeartbeat.objects.values_list("counters", flat=True)).faults)


@on_postgresql
@pytest.mark.parametrize(("start", "how"), [(DELIVER, "exits"), (CELERY, "violates memory")])
def test_a_delivery_at_which_workers_die_is_set_aside_and_can_be_retried(
    alice: User, bob: User, receiver: Receiver, broker: Broker, tmp_path: Path, api: Api, start: str, how: str
) -> None:
    for owner in (alice, bob):
        connect_webhook(owner, receiver.url)
    publish(alice, 10)
    poisoned = publish_one(alice, "asset.created", {"assetId": "poison"})
    publish(bob, 10)

    def is_set_aside() -> bool:
        return Delivery.objects.get(event=poisoned).status == Status.FAILED

    with engine(start, ENDS[how], broker, tmp_path) as process:
        wait_until(is_set_aside, "the delivery is set aside")
        publish(bob, 10)
        wait_until(lambda: counts() == {Status.DELIVERED: 30, Status.FAILED: 1}, "all others are delivered")
        assert process.process.poll() is None, process.output()
    delivery = Delivery.objects.get(event=poisoned)
    answer = api(alice).get(f"/api/v1/deliveries/{delivery.public_id}").json()["data"]
    assert (answer["status"], answer["error"]) == ("failed", "WEBHOOK_DELIVERY_FAILED")
    assert "the worker that sent it crashed 3 times" in answer["message"]
    assert (faults()["worker_died"], faults()["delivery_set_aside"]) == (3, 1)

    assert api(alice).post(f"/api/v1/deliveries/{delivery.public_id}/retry").status_code == 202
    drain(Worker())  # of a version without the fault
    assert counts() == {Status.DELIVERED: 31}


def more_than(receiver: Receiver, requests: int) -> bool:
    return sum(receiver.seen.values()) > requests


def is_released(mark: int) -> bool:
    return not Lane.objects.filter(worker=mark).exists()


@on_postgresql
def test_the_lanes_of_a_worker_process_that_is_killed_are_served_again_at_once(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    receiver.answers.clear()
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="0.5", DELIVERY_TIMEOUT="60")
    with (
        beat(env, tmp_path / "beat.log", tmp_path / "schedule"),
        worker(env, tmp_path / "w.log", processes=2) as running,
    ):
        for kill in range(3):
            publish(alice, 1)
            wait_until(partial(more_than, receiver, kill), "a process sends")
            mark = wait_for_lease()
            victim = EngineHeartbeat.objects.get(mark=mark).process_id
            assert victim in children(running)
            os.kill(victim, signal.SIGKILL)
            began = time.monotonic()
            # As if it had renewed its lease just now, however long this test takes.
            Lane.objects.filter(worker=mark).update(leased_until=timezone.now() + timedelta(seconds=19))
            wait_until(partial(is_released, mark), "its lane is released")
            assert time.monotonic() - began < 18
        receiver.answers.set()
        wait_until(all_delivered, "everything is delivered")
        said = "exited with 'signal 9 (SIGKILL)'"
        wait_until(lambda: running.output().count(said) == 3, "the worker says that its processes have ended")
    assert faults()["worker_died"] == 3
    assert all(json.loads(line)["event"] for line in running.output().splitlines())


@on_postgresql
def test_what_was_counted_is_written_when_a_worker_stops(alice: User, receiver: Receiver, tmp_path: Path) -> None:
    connect_webhook(alice, receiver.url)
    with deliver(environment(), tmp_path / "deliver.log") as running:
        publish(alice, 30)
        wait_until(all_delivered, "everything is delivered")
        publish(alice, 30)
        wait_until(all_delivered, "everything is delivered")
        assert running.terminate() == 0, running.output()
    counted = total(EngineHeartbeat.objects.values_list("counters", flat=True))
    assert counted.attempts == {"delivered||": 60}
    assert EngineHeartbeat.objects.get().mark is None


def wait_for_lease() -> int:
    """The mark of the worker that leases the only lane."""
    found: list[int] = []

    def is_leased() -> bool:
        found[:] = [mark for mark in Lane.objects.values_list("worker", flat=True) if mark is not None]
        return bool(found)

    wait_until(is_leased, "a worker leases the lane")
    return found[0]


def drain(worker: Worker) -> None:
    worker.drain(None, lambda: False, lambda: None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "CRASH_RETRY", timedelta())
    monkeypatch.setattr("webhooks.engine.heartbeat.HEARTBEAT_INTERVAL_SECONDS", 0)


def exits(*_: Any) -> None:
    raise SystemExit(1)


def has_no_memory(*_: Any) -> None:
    raise MemoryError


@pytest.mark.parametrize("end", [exits, has_no_memory])
def test_a_connector_that_ends_the_process_or_has_no_memory_left_fails_alone(
    alice: User, receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch, end: Callable[[], None]
) -> None:
    class Ends(Webhook):
        def deliver(self, message: Message, config: Any, now: int) -> Flow[None]:
            if b"poison" in message.body:
                end()
            yield from super().deliver(message, config, now)

    settings.RETRY_SCHEDULE = (0, 0)
    monkeypatch.setattr(registry, "CONNECTORS", (Ends,))
    connect_webhook(alice, receiver.url)
    publish(alice, 10)
    publish_one(alice, "asset.created", {"assetId": "poison"})
    drain(Worker())
    assert counts() == {Status.DELIVERED: 10, Status.FAILED: 1}


def test_a_fault_of_the_engine_at_one_delivery_sets_it_aside_and_stops_nothing(
    alice: User, bob: User, receiver: Receiver, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, receiver.url)
    connect_webhook(bob, receiver.url)
    publish(alice, 5)
    poisoned = Delivery.objects.get(event=publish_one(alice, "asset.created", {"assetId": "poison"}))
    publish(bob, 5)

    def faulty(finished: Any, secrets: Any, *, is_failing: bool) -> Any:
        if finished.key.id == str(poisoned.pk):
            raise RuntimeError("a fault of the engine")
        return outcome_of(finished, secrets, is_failing=is_failing)

    monkeypatch.setattr(attempts, "outcome_of", faulty)
    drain(Worker())
    assert counts() == {Status.DELIVERED: 10, Status.FAILED: 1}
    poisoned.refresh_from_db()
    assert poisoned.error == crashes.SET_ASIDE
    assert receiver.duplicates == 2
    assert not Lane.objects.exclude(worker=None).exists()
    drain(Worker())
    assert faults() == {"delivery": 3, "delivery_set_aside": 1}


def test_a_fault_in_a_lane_leaves_the_outcome_and_the_other_lanes_alone(
    alice: User, bob: User, receiver: Receiver, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = str(connect_webhook(alice, receiver.url).pk)
    connect_webhook(bob, receiver.url)
    publish(alice, 5)
    publish(bob, 5)
    worker = Worker()
    succeeded = worker._lanes.succeeded

    def faulty(lane_id: str, now: float) -> bool:
        if lane_id == lane:
            raise RuntimeError("a fault of the engine")
        return succeeded(lane_id, now)

    monkeypatch.setattr(worker._lanes, "succeeded", faulty)
    drain(worker)
    assert counts() == {Status.DELIVERED: 10}
    assert receiver.duplicates == 0
    assert not Lane.objects.exclude(worker=None).exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="replaces a part of what reads from PostgreSQL")
def test_a_row_that_cannot_be_read_is_set_aside(
    alice: User, receiver: Receiver, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 5)
    poisoned = Delivery.objects.get(event=publish_one(alice, "asset.created", {"assetId": "poison"}))
    read = postgresql_rows.claimed

    def faulty(row: Any, large: Any) -> Any:
        if row[6] == str(poisoned.pk):
            raise RecursionError
        return read(row, large)

    monkeypatch.setattr(postgresql_claim, "claimed", faulty)
    for _ in range(3):
        drain(Worker())
    assert counts() == {Status.DELIVERED: 5, Status.FAILED: 1}


def test_an_engine_that_fails_as_a_whole_releases_its_lanes_at_once(
    alice: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 5)
    process_worker = ProcessWorker()
    monkeypatch.setattr(attempts.Attempts, "start", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        process_worker.drain(None, lambda: False, lambda: None)
    assert not Lane.objects.exclude(worker=None).exists()
    monkeypatch.undo()
    process_worker.drain(None, lambda: False, lambda: None)
    assert counts() == {Status.DELIVERED: 5}

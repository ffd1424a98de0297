"""Celery workers, beats and their broker, killed and stopped under load."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery

from invenicum.accounts.models import User
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from tests.faults.conftest import Broker, Receiver, all_delivered, counts, expire_leases, on_postgresql, publish
from tests.processes import Process, beat, children, deliver, environment, worker
from tests.waiting import wait_until
from webhooks.engine.worker import LANE_CONCURRENCY
from webhooks.models import Delivery, EngineHeartbeat, Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

Status = Delivery.Status


@contextmanager
def sweeping(broker: Broker, folder: Path, beats: int = 1) -> Iterator[dict[str, str]]:
    """A broker, and beats that sweep twice a second. Yields the environment for their workers."""
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="0.5")
    with ExitStack() as running:
        for number in range(beats):
            running.enter_context(beat(env, folder / f"beat-{number}.log", folder / f"schedule-{number}"))
        yield env


def test_workers_that_are_killed_repeatedly_lose_nothing(
    alice: User, bob: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    kills = 6
    receiver.delay = 0.05
    for owner in (alice, bob):
        connect_webhook(owner, receiver.url)
    with sweeping(broker, tmp_path) as env, ExitStack() as running:
        current: Process | None = None
        for kill in range(kills):
            if current is None:
                current = running.enter_context(worker(env, tmp_path / "worker.log", processes=2))
            for owner in (alice, bob):
                publish(owner, 100)
            enough = len(receiver.seen) + 60

            def is_in_mid_batch(enough: int = enough) -> bool:
                return len(receiver.seen) > enough

            wait_until(is_in_mid_batch, f"kill {kill} is in mid-batch")
            if kill % 2:
                current.kill()
                current = None
            else:  # as the kernel does when memory runs out: the parent forks new ones
                for child in children(current):
                    os.kill(child, signal.SIGKILL)
            expire_leases()
        running.enter_context(worker(env, tmp_path / "worker.log", processes=2))
        wait_until(all_delivered, "everything is delivered")
    assert counts() == {Status.DELIVERED: kills * 200}
    assert len(receiver.seen) == kills * 200
    # Those in flight, and those answered but not yet written, on each of the two lanes.
    assert receiver.duplicates <= kills * 2 * 2 * LANE_CONCURRENCY


def test_a_broker_that_loses_its_queue_costs_no_delivery(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 50)
    receiver.answers.clear()
    with sweeping(broker, tmp_path) as env, worker(env, tmp_path / "worker.log") as running:
        wait_until(lambda: len(receiver.seen) > 0, "the worker is busy")
        with redis.Redis(port=broker.port) as client:
            wait_until(lambda: client.llen("celery") > 0, "tasks wait in the broker")
        broker.kill()
        publish(alice, 50)
        receiver.answers.set()
        broker.start()
        wait_until(all_delivered, "everything is delivered")
        assert running.process.poll() is None
    assert counts() == {Status.DELIVERED: 100}
    assert (len(receiver.seen), receiver.duplicates) == (100, 0)


def test_two_beats_two_loops_and_two_celery_processes_send_nothing_twice(
    alice: User, bob: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    receiver.delay = 0.01
    for owner in (alice, bob):
        connect_webhook(owner, receiver.url)
    with (
        sweeping(broker, tmp_path, beats=2) as env,
        worker(env, tmp_path / "worker.log", processes=2),
        deliver(env, tmp_path / "first.log"),
        deliver(env, tmp_path / "second.log"),
    ):
        wait_until(lambda: EngineHeartbeat.objects.count() >= 3, "both loops and the worker look for work")
        for _ in range(10):
            publish(alice, 20)
            publish(bob, 20)
        wait_until(all_delivered, "everything is delivered")
    assert counts() == {Status.DELIVERED: 400}
    assert (len(receiver.seen), receiver.duplicates) == (400, 0)


def test_a_worker_that_is_stopped_under_load_finishes_what_it_can_and_releases_the_rest(
    alice: User, bob: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    receiver.delay = 0.05
    hanging = Receiver()
    hanging.answers.clear()
    with (
        FakeServer(hanging) as endless,
        sweeping(broker, tmp_path) as env,
        worker(env | {"DELIVERY_TIMEOUT": "60"}, tmp_path / "worker.log", processes=2) as running,
    ):
        connect_webhook(alice, receiver.url)
        connect_webhook(bob, endless.url)
        publish(alice, 2000)
        publish(bob, 10)
        wait_until(lambda: len(receiver.seen) > 100 and len(hanging.seen) > 0, "the worker sends")
        began = time.monotonic()
        assert running.terminate() == 0, running.output()
        # Within ten seconds, or forty on a machine four times as slow: it does not wait for the endpoint that hangs.
        assert time.monotonic() - began < 40
        assert not Lane.objects.exclude(worker=None).exists()
        done = counts()
        hanging.answers.set()
    assert done == {Status.DELIVERED: len(receiver.seen), Status.PENDING: 2010 - len(receiver.seen)}
    assert 100 < len(receiver.seen) < 2000
    assert (receiver.duplicates, Delivery.objects.filter(owner=bob, attempt_count=0).count()) == (0, 10)


def test_a_worker_stops_in_time_while_the_broker_is_frozen(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    with sweeping(broker, tmp_path) as env, worker(env, tmp_path / "worker.log", processes=2) as running:
        publish(alice, 10)
        wait_until(all_delivered, "the worker delivers")
        broker.freeze()
        began = time.monotonic()
        assert running.terminate() == 0, running.output()
        assert time.monotonic() - began < 25  # ten seconds, and what a busy machine takes


def test_wake_ups_do_not_pile_up_while_no_worker_runs(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url, DJANGO_SETTINGS_MODULE="invenicum.settings")
    with ExitStack() as publishing, redis.Redis(port=broker.port) as client:
        for number in range(2):
            process = publishing.enter_context(Process(["-c", PUBLISH], env, tmp_path / f"publish-{number}.log"))
        wait_until(lambda: Delivery.objects.count() == 300, "two processes have published")
        assert process.wait() == 0, process.output()
        queued = client.llen("celery")
        assert 1 <= queued <= 20  # one at once, and another each five seconds
        with worker(env, tmp_path / "worker.log"):
            wait_until(all_delivered, "the first wake-up is enough")


def test_a_worker_that_waits_is_woken_without_another_task(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url, DJANGO_SETTINGS_MODULE="invenicum.settings")
    with worker(env, tmp_path / "worker.log") as running, redis.Redis(port=broker.port) as client:
        published = 0

        def publish_one(folder: str) -> None:
            nonlocal published
            published += 1
            with Process(["-c", PUBLISH_ONE], env, tmp_path / folder) as process:
                assert process.wait() == 0, process.output()
            wait_until(lambda: len(receiver.seen) == published and all_delivered(), "it is delivered, without a sweep")

        def messages() -> int:
            return int(client.info("commandstats")["cmdstat_lpush"]["calls"])

        publish_one("first.log")
        wait_until(lambda: client.llen("invenicum:waiting-workers") == 1, "the only process waits for more")
        before = messages()
        publish_one("second.log")
        assert messages() == before
        app = Celery(broker=broker.url, set_as_current=False)
        app.send_task("webhooks.tasks.prune", queue="jobs", ignore_result=True)
        began = app.control.inspect(timeout=2).stats
        wait_until(lambda: "webhooks.tasks.prune" in str(began()), "another task gets the process")
        before = messages()
        client.flushall()  # also what tells which workers wait
        publish_one("third.log")
        assert messages() > before
        assert running.process.poll() is None
    assert receiver.duplicates == 0


def test_what_only_a_newer_release_sends_stops_no_worker(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 10)
    app = Celery(broker=broker.url, set_as_current=False)
    with sweeping(broker, tmp_path) as env:
        for queue in ("celery", "jobs"):
            app.send_task("webhooks.tasks.of_a_newer_release", args=[1], queue=queue, ignore_result=True)
        app.send_task("webhooks.tasks.sweep", kwargs={"region": "eu"}, queue="celery", ignore_result=True)
        with worker(env, tmp_path / "worker.log") as running:
            wait_until(all_delivered, "everything is delivered")
            wait_until(lambda: running.output().count("of_a_newer_release") >= 2, "it says what it does not know")
            assert running.process.poll() is None
    assert (len(receiver.seen), receiver.duplicates) == (10, 0)


PUBLISH_ONE = """
import time
import django; django.setup()
from invenicum.accounts.models import User
from invenicum.events.publish import publish
publish(User.objects.get(username="alice"), "asset.created", {"assetId": "1"})
time.sleep(1)  # the message is sent by a thread
"""
PUBLISH = """
import time
import django; django.setup()
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
alice = User.objects.get(username="alice")
for number in range(150):
    publish_many([Draft(alice, "asset.created", {"assetId": str(number)})])
    time.sleep(0.02)
time.sleep(0.2)
"""

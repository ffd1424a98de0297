"""Real workers on a real PostgreSQL and Redis, killed at the wrong moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from invenicum.accounts.models import User
from tests.factories import connect_webhook
from tests.faults.conftest import Broker, Receiver, all_delivered, expire_leases, on_postgresql, publish
from tests.processes import Process, beat, deliver, environment, worker
from tests.services import free_port
from tests.waiting import wait_until
from webhooks.models import Delivery, Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]


def test_a_worker_that_is_killed_during_a_batch_loses_nothing(alice: User, receiver: Receiver, tmp_path: Path) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 200)
    receiver.answers.clear()
    with deliver(environment(), tmp_path / "first.log") as first:
        wait_until(lambda: Lane.objects.exclude(worker=None).exists(), "the worker takes the lane")
        first.kill()
    receiver.answers.set()
    expire_leases()
    with deliver(environment(), tmp_path / "second.log"):
        wait_until(all_delivered, "everything is delivered")
    assert len(receiver.seen) == 200
    assert sum(receiver.seen.values()) <= 200 + 64  # only what was in flight is sent twice


def test_a_worker_that_is_stopped_releases_its_lanes(alice: User, receiver: Receiver, tmp_path: Path) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 10)
    receiver.answers.clear()
    with deliver(environment(), tmp_path / "deliver.log") as process:
        wait_until(lambda: Lane.objects.exclude(worker=None).exists(), "the worker takes the lane")
        assert process.terminate() == 0
    assert not Lane.objects.exclude(worker=None).exists()
    assert Delivery.objects.filter(status=Delivery.Status.PENDING, attempt_count=0).count() == 10


def test_a_single_run_that_is_stopped_releases_its_lanes(alice: User, receiver: Receiver, tmp_path: Path) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 10)
    receiver.answers.clear()
    with Process(["manage.py", "deliver", "--once"], environment(), tmp_path / "deliver.log") as process:
        wait_until(lambda: len(receiver.seen) > 0, "it sends")
        assert process.terminate() == 0, process.output()
    assert not Lane.objects.exclude(worker=None).exists()


def test_celery_delivers_and_loses_nothing_when_the_broker_dies_between_publish_and_send(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="1")
    broker.kill()
    publish(alice, 50)  # the message that would wake a worker is lost
    broker.start()
    with (
        worker(env, tmp_path / "worker.log") as running,
        beat(env, tmp_path / "beat.log", tmp_path / "schedule"),
    ):
        wait_until(lambda: len(receiver.seen) == 50 and all_delivered(), "everything is delivered")
        assert running.process.poll() is None
    assert sum(receiver.seen.values()) == 50


def test_a_published_event_wakes_a_worker_without_waiting_for_the_sweep(
    alice: User, receiver: Receiver, broker: Broker, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url)
    with worker(env, tmp_path / "worker.log") as running:
        wait_until(lambda: "ready" in running.output(), "the worker is ready")
        with Process(["-c", PUBLISH.format(owner=alice.pk) + STAY], env, tmp_path / "publisher.log") as publisher:
            wait_until(lambda: len(receiver.seen) == 1, "the event arrives")
            assert publisher.process.poll() is None, publisher.output()


PUBLISH = """
import django; django.setup()
from invenicum.accounts.models import User
from invenicum.events.publish import publish
publish(User.objects.get(pk={owner}), "asset.created", {{"assetId": "asset-1"}})
"""
STAY = "import threading; threading.Event().wait()"  # the message is sent by a thread of the publisher


def test_publishing_does_not_wait_for_a_broker_that_is_down(alice: User, tmp_path: Path) -> None:
    connect_webhook(alice)
    broker = f"redis://127.0.0.1:{free_port()}/0"
    env = environment(CELERY_BROKER_URL=broker, DJANGO_SETTINGS_MODULE="invenicum.settings")
    with Process(["-c", PUBLISH.format(owner=alice.pk)], env, tmp_path / "publisher.log") as publisher:
        assert publisher.wait() == 0, publisher.output()
    assert Delivery.objects.get().status == Delivery.Status.PENDING
    assert os.environ.get("CELERY_BROKER_URL") is None

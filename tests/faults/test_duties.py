"""What runs beside the deliveries, in real Celery workers: a provider and a mail server that hang, and a stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from integrations.models import Integration, ProviderJob
from integrations.services import save_integration
from invenicum.accounts.models import User
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.gitlab import TOKEN, FakeGitLab
from tests.fakes.http_server import FakeServer, hang
from tests.faults.conftest import Broker, Receiver, all_delivered, on_postgresql, publish
from tests.processes import beat, environment, worker
from tests.waiting import wait_until
from webhooks.models import Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

GITLAB: dict[str, Any] = {
    "apiKey": TOKEN,
    "project": "my-group/asset-repo",
    "webhookUrl": "https://api.invenicum.com/webhooks/gitlab",
}


@pytest.fixture
def env(broker: Broker, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A broker and a beat; the environment for their workers."""
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="0.5", DELIVERY_TIMEOUT="60")
    with beat(env, tmp_path / "beat.log", tmp_path / "schedule"):
        yield env


def connect_gitlab(owner: User, url: str) -> Integration:
    return save_integration(owner, "gitlab", {**GITLAB, "baseUrl": url}).integration


def test_one_process_for_everything_delivers_and_registers_hooks_while_a_provider_hangs(
    alice: User, bob: User, receiver: Receiver, env: dict[str, str], tmp_path: Path
) -> None:
    with FakeServer(lambda _: hang) as hanging, FakeGitLab() as gitlab, worker(env, tmp_path / "worker.log"):
        connect_gitlab(alice, hanging.url)
        hanging.wait_for(1)
        connect_gitlab(bob, gitlab.url)
        connect_webhook(bob, receiver.url)
        publish(bob, 10)
        wait_until(lambda: len(receiver.seen) == 10, "Bob's events are delivered")
        wait_until(lambda: gitlab.hooks, "Bob's hook is registered")
        assert ProviderJob.objects.get().owner_id == alice.pk


def test_a_worker_for_deliveries_takes_no_job_and_one_for_jobs_no_delivery(
    alice: User, receiver: Receiver, env: dict[str, str], broker: Broker, tmp_path: Path
) -> None:
    with FakeGitLab() as gitlab:
        connect_gitlab(alice, gitlab.url)
        connect_webhook(alice, receiver.url)
        publish(alice, 10)
        with worker(env, tmp_path / "deliveries.log", queues="celery"), redis.Redis(port=broker.port) as client:
            wait_until(all_delivered, "everything is delivered")
            wait_until(lambda: client.llen("jobs") > 0, "the jobs wait for their worker")
            assert gitlab.hooks == {}
        publish(alice, 1)
        with worker(env, tmp_path / "jobs.log", queues="jobs"):
            wait_until(lambda: gitlab.hooks, "the hook is registered")
            assert len(receiver.seen) == 10


def test_a_worker_that_is_stopped_gives_its_jobs_back(alice: User, env: dict[str, str], tmp_path: Path) -> None:
    with FakeServer(lambda _: hang) as hanging, worker(env, tmp_path / "worker.log", queues="jobs") as running:
        connect_gitlab(alice, hanging.url)
        hanging.wait_for(1)
        assert running.terminate() == 0, running.output()
        job = ProviderJob.objects.get()
        assert (job.attempt_count, job.leased_until) == (0, None), running.output()


def test_a_mail_server_that_hangs_delays_no_delivery_and_no_hook(
    alice: User, bob: User, receiver: Receiver, env: dict[str, str], tmp_path: Path
) -> None:
    failing = connect_webhook(alice)
    Lane.objects.filter(pk=failing.pk).update(**OPEN_CIRCUIT)
    Integration.objects.filter(pk=failing.pk).update(failing_since=timezone.now())
    with FakeServer(lambda _: hang) as mail, FakeGitLab() as gitlab:  # it waits for a request, and so says nothing
        env |= {"EMAIL_URL": f"smtp://127.0.0.1:{mail.port}/?timeout=60"}
        with worker(env, tmp_path / "worker.log"):
            wait_until(lambda: mail.connections > 0, "a mail is under way")
            connect_gitlab(bob, gitlab.url)
            connect_webhook(bob, receiver.url)
            publish(bob, 10)
            wait_until(lambda: len(receiver.seen) == 10, "Bob's events are delivered", seconds=40)
            wait_until(lambda: gitlab.hooks, "Bob's hook is registered", seconds=40)

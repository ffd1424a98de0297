"""Shared by all fault tests: a receiver that counts, a broker that can be killed, and the final count."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.fakes.http_server import Answer, FakeServer, Received
from tests.faults.database import Database
from tests.services import free_port, start_redis
from tests.waiting import WAIT_DEADLINE_SECONDS
from webhooks.models import Delivery, Lane

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="workers share a PostgreSQL database")


class Receiver:
    """Counts requests by event. They hang while `answers` is cleared, and are answered with `answer`."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.answers = threading.Event()
        self.answers.set()
        self.answer: Answer = (200, {}, b"")
        self.delay = 0.0
        self.url = ""
        self._waits = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, request: Received) -> Answer:
        with self._lock:
            self.seen[request.headers["webhook-id"]] += 1
        self.answers.wait(WAIT_DEADLINE_SECONDS)
        if self.delay:
            self._waits.wait(self.delay)
        return self.answer

    @property
    def duplicates(self) -> int:
        return sum(self.seen.values()) - len(self.seen)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    handler = Receiver()
    with FakeServer(handler) as server:
        handler.url = server.url
        yield handler
        handler.answers.set()


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A server of the test's own, with the service's tables."""
    folder = Path(tempfile.mkdtemp(prefix="invenicum-test-"))
    database = Database(folder / "postgres")
    database.migrate(folder / "migrate.log")
    yield database
    database.crash()
    shutil.rmtree(folder, ignore_errors=True)


class Broker:
    """A Redis of the test's own without files, to be killed and started again on the same port."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_redis(self.port, self._folder)

    def freeze(self) -> None:
        """It takes connections and answers nothing any more."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.kill()


def publish(owner: User, count: int, **data: Any) -> None:
    publish_many([Draft(owner, "asset.created", {"assetId": f"asset-{n}", **data}) for n in range(count)])


def counts() -> dict[str, int]:
    """The number of deliveries by status."""
    rows = Delivery.objects.values_list("status").annotate(count=Count("pk")).order_by()
    return {str(status): count for status, count in rows}


def all_delivered() -> bool:
    return set(counts()) <= {Delivery.Status.DELIVERED}


def expire_leases() -> None:
    """Expires the leases of dead workers without waiting."""
    Lane.objects.exclude(worker=None).update(leased_until=timezone.now() - timedelta(seconds=1))

"""Starts the production stack, which one account attacks while another, the neighbour, is watched.

def test_...(stack: Stack, neighbour: Neighbour, alice: User) -> None:
    quiet = neighbour.measure()
    ...  # Alice attacks
    attacked = neighbour.measure()
    assert_unharmed(attacked, quiet)
    assert stack.health_seconds() < 2
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.db import connection

from invenicum.accounts.models import User
from tests.faults.conftest import Broker
from tests.hostile.neighbour import Neighbour
from tests.processes import Process, beat, environment, web, worker
from tests.services import free_port, wait_for_port
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until


class Stack:
    """Web processes, two delivery processes and a beat on the test's PostgreSQL and a Redis of their own.

    `environment` changes their settings before `start`.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.broker = Broker(folder)
        self.environment = environment(
            CELERY_BROKER_URL=self.broker.url, PORT=str(self.port), DATA_DIR=str(folder / "data")
        )
        self.within: list[str] = []  # a command that runs each process
        self._folder = folder
        self._running = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Stack:
        """Starts everything. Returns when the web server and the workers answer."""
        self.broker.start()
        self._running.callback(self.broker.kill)
        self.web = self.run(web(self.environment, self._folder / "web.log"))
        self.worker = self.run(worker(self.environment, self._folder / "worker.log", processes=2))
        self.run(beat(self.environment, self._folder / "beat.log", self._folder / "schedule"))
        wait_for_port(self.port)
        wait_until(lambda: "ready" in self.worker.output(), "the worker is ready")
        return self

    def run(self, process: Process) -> Process:
        """Starts one more process, which ends with the others."""
        process.within = self.within
        return self._running.enter_context(process)

    def stop(self) -> None:
        self._running.close()

    def health_seconds(self) -> float:
        """How long `/healthz` takes. Fails if it does not say that all is well."""
        began = time.monotonic()
        client = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_DEADLINE_SECONDS)
        client.request("GET", "/healthz")
        assert client.getresponse().status == 200
        client.close()
        return time.monotonic() - began


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    if connection.vendor != "postgresql":
        pytest.skip("the production stack needs PostgreSQL")
    running = Stack(tmp_path)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def neighbour(stack: Stack, bob: User) -> Iterator[Neighbour]:
    """Bob, with a webhook that answers at once."""
    with Neighbour(bob, stack.port) as neighbour:
        yield neighbour

"""Many jobs at once, with flows that ask a server on a real socket."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from integrations.core.http import Request, Response
from integrations.job_loop import run_due_jobs
from integrations.models import ProviderJob
from integrations.provider_jobs import ProviderJobRunner
from tests.fakes.http_server import Answer, FakeServer, Received, hang
from tests.waiting import WAIT_DEADLINE_SECONDS

pytestmark = pytest.mark.django_db

HANGING = "hanging"  # the type of jobs whose service does not answer


class Server:
    """Answers requests of every type but HANGING; notes them, and how many were under way at once."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.hanging = Event()

    def __call__(self, request: Received) -> Answer:
        name = request.path.removeprefix("/")
        self.types.append(name)
        if name == HANGING:
            self.hanging.set()
            return hang
        return 200, {}, b""


class Runner(ProviderJobRunner):
    """Asks the server once for each job."""

    def __init__(self, url: str) -> None:
        self.url = url

    def flow(self, job: ProviderJob) -> Generator[Request, Response, None]:
        yield Request("GET", f"{self.url}/{job.type}", {})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(Server()) as server:
        yield server


@pytest.fixture
def asked(server: FakeServer) -> Server:
    assert isinstance(server.handler, Server)
    return server.handler


def queue(name: str, owner: int) -> ProviderJob:
    return ProviderJob.objects.create(
        kind="delete", type=name, integration_id=uuid4(), owner_id=owner, due_at=timezone.now()
    )


def test_jobs_of_other_owners_do_not_wait_for_one_that_hangs(
    server: FakeServer, asked: Server, settings: Settings
) -> None:
    settings.DELIVERY_TIMEOUT = 2.0
    hanging = queue(HANGING, 1)
    waiting = queue("waiting", 1)
    others = [queue(f"quick-{owner}", owner) for owner in range(2, 12)]
    done_at: dict[str, float] = {}

    class Timed(Runner):
        def end(self, job: ProviderJob, again_at: Any, error: Exception | None) -> None:
            super().end(job, again_at, error)
            done_at[job.type] = time.monotonic()

    assert run_due_jobs([Timed(server.url)]) == 12
    assert max(done_at[job.type] for job in others) < done_at[HANGING] < done_at["waiting"]
    assert not ProviderJob.objects.exclude(pk=hanging.pk).exists()
    hanging.refresh_from_db()
    assert (hanging.attempt_count, hanging.leased_until) == (1, None)
    assert "did not answer" in hanging.last_error
    assert waiting.owner_id == hanging.owner_id


def test_a_job_that_becomes_due_while_others_hang_is_begun_at_once(
    server: FakeServer, asked: Server, settings: Settings
) -> None:
    settings.DELIVERY_TIMEOUT = 4.0
    queue(HANGING, 1)
    ends: list[str] = []

    class Meanwhile(Runner):
        def claim(self, now: Any, limit: int) -> list[ProviderJob]:
            if asked.hanging.is_set() and "new" not in asked.types and not ProviderJob.objects.filter(type="new"):
                queue("new", 2)
            return super().claim(timezone.now(), limit)

        def end(self, job: ProviderJob, again_at: Any, error: Exception | None) -> None:
            super().end(job, again_at, error)
            ends.append(job.type)

    assert run_due_jobs([Meanwhile(server.url)]) == 2
    assert ends == ["new", HANGING]


def test_no_more_than_a_number_of_jobs_run_at_once(server: FakeServer) -> None:
    most, running = 0, set[int]()

    class Counting(Runner):
        def begin(self, job: ProviderJob) -> Any:
            nonlocal most
            running.add(job.pk)
            most = max(most, len(running))
            return super().begin(job)

        def end(self, job: ProviderJob, again_at: Any, error: Exception | None) -> None:
            running.discard(job.pk)
            super().end(job, again_at, error)

    for owner in range(20):
        queue("quick", owner)
    assert run_due_jobs([Counting(server.url)], at_once=3) == 20
    assert most == 3


def test_jobs_that_run_when_their_process_stops_are_given_back(
    server: FakeServer, asked: Server, settings: Settings
) -> None:
    settings.DELIVERY_TIMEOUT = WAIT_DEADLINE_SECONDS
    job = queue(HANGING, 1)
    began = time.monotonic()
    assert run_due_jobs([Runner(server.url)], should_stop=asked.hanging.is_set) == 1
    assert time.monotonic() - began < WAIT_DEADLINE_SECONDS / 2
    job.refresh_from_db()
    assert (job.attempt_count, job.leased_until) == (0, None)
    assert job.due_at is not None
    assert job.due_at <= timezone.now()

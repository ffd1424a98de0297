"""The durable job, with provider jobs as its rows and a runner that does what a test says."""

from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from integrations.job_loop import run_due_jobs
from integrations.models import ProviderJob
from invenicum.jobs import JOB_LEASE_SECONDS, Failure, JobRunner, Postponed

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_SECONDS = 60


class Refused(Exception):
    """An error that the runner understands."""


class Runner(JobRunner[ProviderJob]):
    model = ProviderJob
    retry_seconds = (0, 30, 300)

    def __init__(self, work: Callable[[ProviderJob], datetime | None] = lambda job: None) -> None:
        self.work = work
        self.failures: list[tuple[str, bool]] = []

    def flow(self, job: ProviderJob) -> Generator[Any, Any, datetime | None]:
        yield from ()
        return self.work(job)

    def run_due(self) -> int:
        return run_due_jobs([self])

    def failure_of(self, error: Exception) -> Failure | None:
        return Failure(str(error), permanent="never" in str(error)) if isinstance(error, Refused) else None

    def on_failure(self, job: ProviderJob, failure: Failure, *, given_up: bool) -> None:
        self.failures.append((failure.message, given_up))


def queue(*, due_in: float = -1, attempts: int = 0, owner: int = 1) -> ProviderJob:
    due_at = timezone.now() + timedelta(seconds=due_in)
    return ProviderJob.objects.create(
        kind="save", type="github", integration_id=uuid4(), owner_id=owner, due_at=due_at, attempt_count=attempts
    )


def refuse(message: str) -> Callable[[ProviderJob], datetime | None]:
    def work(job: ProviderJob) -> datetime | None:
        raise Refused(message)

    return work


def seconds_until_due(job: ProviderJob) -> float:
    job.refresh_from_db()
    assert job.due_at is not None
    return (job.due_at - timezone.now()).total_seconds()


def test_due_jobs_are_done_in_the_order_in_which_they_became_due() -> None:
    second, first, later = queue(due_in=-5), queue(due_in=-9), queue(due_in=60)
    done: list[int] = []
    assert Runner(lambda job: done.append(job.pk)).run_due() == 2
    assert done == [first.pk, second.pk]
    assert list(ProviderJob.objects.all()) == [later]


def test_of_each_owner_the_job_that_has_been_due_longest_is_claimed() -> None:
    queue(due_in=-5, owner=1)
    first, other = queue(due_in=-9, owner=1), queue(due_in=-7, owner=2)
    assert Runner().claim(timezone.now(), 10) == [first, other]
    assert Runner().claim(timezone.now(), 10) == [], "the owner's next one waits for the one that runs"


def test_a_limit_leaves_the_rest_for_the_next_claim() -> None:
    for owner in range(3):
        queue(owner=owner)
    assert [len(Runner().claim(timezone.now(), 2)) for _ in range(3)] == [2, 1, 0]


def test_a_job_that_is_to_be_done_again_while_it_runs_is_done_once_more() -> None:
    job, runs = queue(), list[int]()

    def work(running: ProviderJob) -> None:
        runs.append(running.pk)
        if len(runs) == 1:
            ProviderJob.objects.filter(pk=job.pk).update(due_at=timezone.now(), attempt_count=0)

    assert Runner(work).run_due() == 2
    assert runs == [job.pk, job.pk]
    assert not ProviderJob.objects.exists()


def test_a_failure_of_what_is_to_be_done_again_is_not_noted() -> None:
    job = queue()

    def work(running: ProviderJob) -> None:
        if running.last_error == "":
            again = ProviderJob.objects.filter(pk=job.pk)
            again.update(due_at=timezone.now() + timedelta(hours=1), attempt_count=0, last_error="earlier")
            raise Refused("not now")

    runner = Runner(work)
    assert runner.run_due() == 1
    job.refresh_from_db()
    assert (job.attempt_count, job.last_error, job.leased_until) == (0, "earlier", None)
    assert runner.failures == []


def test_a_job_that_is_postponed_is_tried_again_soon_and_the_attempt_does_not_count() -> None:
    job = queue(attempts=1)

    def work(running: ProviderJob) -> None:
        raise Postponed

    assert Runner(work).run_due() == 1
    assert 0 < seconds_until_due(job) <= 1
    assert (job.attempt_count, job.leased_until) == (1, None)


def test_a_failure_is_tried_again_on_the_schedule_and_then_given_up() -> None:
    job, runner = queue(), Runner(refuse("not now"))
    for wait in (30, 300):
        assert runner.run_due() == 1
        assert wait - 5 < seconds_until_due(job) <= wait
        assert job.last_error == "not now"
        ProviderJob.objects.update(due_at=timezone.now())
    runner.run_due()
    assert not ProviderJob.objects.exists()
    assert runner.failures == [("not now", False), ("not now", False), ("not now", True)]


def test_a_permanent_failure_is_given_up_at_once() -> None:
    queue()
    runner = Runner(refuse("never"))
    runner.run_due()
    assert not ProviderJob.objects.exists()
    assert runner.failures == [("never", True)]


def test_a_bug_in_one_job_does_not_stop_the_others() -> None:
    broken = queue(due_in=-9)
    queue(due_in=-5)

    def work(job: ProviderJob) -> None:
        if job.pk == broken.pk:
            raise ZeroDivisionError

    assert Runner(work).run_due() == 2
    assert 25 < seconds_until_due(broken) <= 30
    assert "has been logged" in broken.last_error


def test_a_job_that_has_to_run_again_waits_with_all_its_attempts() -> None:
    job, again_at = queue(attempts=2), timezone.now() + timedelta(hours=1)
    Runner(lambda job: again_at).run_due()
    job.refresh_from_db()
    assert (job.due_at, job.attempt_count, job.last_error) == (again_at, 0, "")


def test_a_claimed_job_is_left_alone_until_its_lease_ends() -> None:
    job, now = queue(), timezone.now()
    assert Runner().claim(now, 1) == [job]
    assert Runner().claim(now + timedelta(seconds=JOB_LEASE_SECONDS - 1), 1) == []
    [again] = Runner().claim(now + timedelta(seconds=JOB_LEASE_SECONDS), 1)
    assert (again.pk, again.attempt_count) == (job.pk, 2)


def test_a_worker_whose_lease_has_ended_does_not_note_anything_about_the_next_ones_attempt() -> None:
    queue()
    runner, now = Runner(), timezone.now()
    [slow] = runner.claim(now, 1)
    [other] = runner.claim(now + timedelta(seconds=JOB_LEASE_SECONDS), 1)
    runner.fail(slow, Failure("too late", permanent=True))
    runner.succeed(slow, None)
    runner.release(slow)
    kept = ProviderJob.objects.get()
    assert (kept.leased_until, kept.attempt_count) == (other.leased_until, 2)
    assert runner.failures == []


def test_a_job_that_is_replaced_while_it_runs_is_not_written_back() -> None:
    queue()

    def work(job: ProviderJob) -> datetime | None:
        ProviderJob.objects.all().delete()
        raise Refused("not now")

    runner = Runner(work)
    assert runner.run_due() == 1
    assert not ProviderJob.objects.exists()
    assert runner.failures == []


def test_a_job_that_ends_its_worker_at_every_attempt_is_given_up() -> None:
    queue(attempts=3)
    runner = Runner(lambda job: pytest.fail("it must not run again"))
    runner.run_due()
    assert not ProviderJob.objects.exists()
    assert runner.failures == [("No attempt finished.", True)]


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer at a time")
def test_two_workers_never_claim_one_job_and_never_wait_for_each_other() -> None:
    first, second = queue(due_in=-9, owner=1), queue(due_in=-5, owner=2)
    locked, release = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            assert Runner().claim(timezone.now(), 1) == [first]
            locked.set()
            release.wait(WAIT_SECONDS)
        connection.close()

    thread = Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(WAIT_SECONDS)
        assert Runner().claim(timezone.now(), 10) == [second]
        assert Runner().claim(timezone.now(), 10) == []
    finally:
        release.set()
        thread.join(WAIT_SECONDS)

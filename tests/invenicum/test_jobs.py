"""The durable job, with provider jobs as its rows and a runner that does what a test says."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from integrations.models import ProviderJob
from invenicum.jobs import JOB_LEASE_SECONDS, Failure, JobRunner

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

    def run(self, job: ProviderJob) -> datetime | None:
        return self.work(job)

    def failure_of(self, error: Exception) -> Failure | None:
        return Failure(str(error), permanent="never" in str(error)) if isinstance(error, Refused) else None

    def on_failure(self, job: ProviderJob, failure: Failure, *, given_up: bool) -> None:
        self.failures.append((failure.message, given_up))


def queue(*, due_in: float = -1, attempts: int = 0) -> ProviderJob:
    due_at = timezone.now() + timedelta(seconds=due_in)
    return ProviderJob.objects.create(
        kind="save", type="github", integration_id=uuid4(), due_at=due_at, attempt_count=attempts
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


def test_a_limit_leaves_the_rest_for_the_next_call() -> None:
    for _ in range(3):
        queue()
    assert [Runner().run_due(limit=2) for _ in range(3)] == [2, 1, 0]


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
    queue()
    now = timezone.now()
    claimed = Runner().claim(now)
    assert claimed is not None
    assert Runner().claim(now + timedelta(seconds=JOB_LEASE_SECONDS - 1)) is None
    again = Runner().claim(now + timedelta(seconds=JOB_LEASE_SECONDS))
    assert again is not None
    assert (again.pk, again.attempt_count) == (claimed.pk, 2)


def test_a_worker_whose_lease_has_ended_does_not_put_off_the_next_ones_attempt() -> None:
    queue()
    runner, now = Runner(), timezone.now()
    slow = runner.claim(now)
    other = runner.claim(now + timedelta(seconds=JOB_LEASE_SECONDS))
    assert slow is not None
    assert other is not None
    runner.fail(slow, Failure("too late", permanent=True))
    assert ProviderJob.objects.get().due_at == other.due_at
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
    first, second = queue(due_in=-9), queue(due_in=-5)
    locked, release = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            claimed = Runner().claim(timezone.now())
            assert claimed == first
            locked.set()
            release.wait(WAIT_SECONDS)
        connection.close()

    thread = Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(WAIT_SECONDS)
        assert Runner().claim(timezone.now()) == second
        assert Runner().claim(timezone.now()) is None
    finally:
        release.set()
        thread.join(WAIT_SECONDS)

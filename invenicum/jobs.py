"""A durable job: a row that is written with the change it belongs to and carried out afterwards, until it is done.

The change never waits for another service and does not fail with it. A job may run more than once (a worker can die
between the work and the note that it is done), so running it twice must do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import structlog
from django.db import Error, models, transaction
from django.db.models import QuerySet
from django.utils import timezone

JOB_LEASE_SECONDS = 120  # for which no other worker takes a job that one has claimed
JOB_CRASHED = "An error in the connector; it has been logged."

log = structlog.get_logger(__name__)


class Job(models.Model):
    """The columns of a durable job. A `JobRunner` carries it out; its row goes when it is done or given up."""

    # When it runs next; null if it was given up and is kept to be looked at.
    due_at = models.DateTimeField(db_index=True, null=True)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: a sentence without secrets, and whether another attempt cannot help."""

    message: str
    permanent: bool = False


J = TypeVar("J", bound=Job)


class JobRunner(Generic[J]):
    """Claims the due jobs of one model and carries them out.

    A subclass names the `model` and the schedule, and implements `run` and `failure_of`. `run_due` carries out one job
    after another; a runner for many at once would use the same `claim`, `succeed` and `fail`.
    """

    model: type[J]
    # Seconds before each attempt, the first included: `(0, 30, 300)` is three attempts. Then the job is given up.
    retry_seconds: ClassVar[tuple[int, ...]]

    def run(self, job: J) -> datetime | None:
        """Carries a claimed job out. Returns when it has to run again, e.g. to renew a channel, or None if it is done.

        Raises what `failure_of` understands.
        """
        raise NotImplementedError

    def failure_of(self, error: Exception) -> Failure | None:
        """What an error of `run` means. Returns None for a bug, which is logged with its traceback and tried again."""
        raise NotImplementedError

    def claimable(self) -> QuerySet[J]:
        """The jobs that may run once they are due. Defer encrypted columns: what is unreadable fails only itself."""
        return self.model._default_manager.all()

    def on_failure(self, job: J, failure: Failure, *, given_up: bool) -> None:
        """Called for each failed attempt, before its row is written in the same transaction. Does nothing here.

        Rows that a change locks before its jobs are to be written here, so that the two cannot deadlock.
        """

    def give_up(self, job: J, failure: Failure) -> None:
        """Ends a job after its last attempt. Here its row is removed, with all that it kept."""
        self._rows(job).delete()

    def describe(self, job: J) -> dict[str, Any]:
        """What the log says of a job, e.g. `{"kind": "save", "type": "github"}`."""
        return {}

    def run_due(self, limit: int = 20) -> int:
        """Carries out at most `limit` due jobs, one after the other. Returns how many were tried."""
        for count in range(limit):
            job = self.claim(timezone.now())
            if job is None:
                return count
            self._attempt(job)
        return limit

    @transaction.atomic
    def claim(self, now: datetime) -> J | None:
        """Leases the job that has been due longest for JOB_LEASE_SECONDS. Returns None if nothing is due.

        Jobs that other workers are claiming at this moment are skipped. A worker that dies leaves the job to the next
        one when the lease ends; its attempt counts.
        """
        due = self.claimable().select_for_update(skip_locked=True).filter(due_at__lte=now)
        job = due.order_by("due_at", "pk").first()
        if job:
            job.due_at = now + timedelta(seconds=JOB_LEASE_SECONDS)
            job.attempt_count += 1
            job.save(update_fields=["due_at", "attempt_count"])
        return job

    def succeed(self, job: J, again_at: datetime | None) -> None:
        """Notes that `run` has ended: the row goes, or waits until `again_at` with all its attempts before it."""
        if again_at is None:
            self._rows(job).delete()
        else:
            self._rows(job).update(due_at=again_at, attempt_count=0, last_error="")

    @transaction.atomic
    def fail(self, job: J, failure: Failure) -> None:
        """Notes a failed attempt: the next one is scheduled, or the job is given up.

        Does nothing if the job was replaced, or claimed by another worker after this one's lease had ended.
        """
        mine = self._rows(job).filter(attempt_count=job.attempt_count)
        if not mine.exists():
            return
        given_up = failure.permanent or job.attempt_count >= len(self.retry_seconds)
        log.warning(
            "job_failed",
            job=job.pk,
            model=self.model.__name__,
            attempts=job.attempt_count,
            given_up=given_up,
            **self.describe(job),
        )
        self.on_failure(job, failure, given_up=given_up)
        if given_up:
            self.give_up(job, failure)
        else:
            due_at = timezone.now() + timedelta(seconds=self.retry_seconds[job.attempt_count])
            mine.update(due_at=due_at, last_error=failure.message[:500])

    def _attempt(self, job: J) -> None:
        if job.attempt_count > len(self.retry_seconds):  # each attempt has ended with its worker
            self.fail(job, Failure("No attempt finished."))
            return
        try:
            again_at = self.run(job)
        except Error:  # of the database: nothing can be noted now
            raise
        except Exception as error:
            failure = self.failure_of(error)
            if failure is None:
                log.exception("job_crashed", job=job.pk, model=self.model.__name__, **self.describe(job))
                failure = Failure(JOB_CRASHED)
            self.fail(job, failure)
        else:
            self.succeed(job, again_at)

    def _rows(self, job: J) -> QuerySet[J]:
        # By key and in one statement: a job that was replaced or removed during the attempt is not written back.
        return self.model._default_manager.filter(pk=job.pk)

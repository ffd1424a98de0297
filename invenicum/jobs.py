"""A durable job: a row that is written with the change it belongs to and carried out afterwards, until it is done.

The change never waits for another service and does not fail with it. A job may run more than once (a worker can die
between the work and the note that it is done), so running it twice must do no harm. Of the jobs of one owner, one runs
at a time: a service that hangs delays only the owner who named it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import structlog
from django.db import Error, models, transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import Now, RowNumber
from django.utils import timezone

JOB_LEASE_SECONDS = 120  # for which no other worker takes a job that one has claimed
JOB_POSTPONED_SECONDS = 1
JOB_CRASHED = "An error in the connector; it has been logged."

log = structlog.get_logger(__name__)


class Job(models.Model):
    """The columns of a durable job. A `JobRunner` carries it out; its row goes when it is done or given up.

    To have a job done again, with other data, set its `due_at` and leave its lease: if it runs at that moment, it runs
    once more afterwards.
    """

    # Whose it is. No foreign key: a job outlives its owner.
    owner_id = models.BigIntegerField()
    # When it runs next; null if it was given up and is kept to be looked at. A run does not change it.
    due_at = models.DateTimeField(db_index=True, null=True)
    # While it runs: until when no other worker takes it.
    leased_until = models.DateTimeField(null=True)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: a sentence without secrets, and whether another attempt cannot help.

    `retry_after`: the seconds for which the next attempt has to wait at least, or None.
    """

    message: str
    permanent: bool = False
    retry_after: float | None = None


class Postponed(Exception):
    """A job cannot run at this moment: it is tried again after a second, and the attempt does not count."""


J = TypeVar("J", bound=Job)


class JobRunner(Generic[J]):
    """Claims the due jobs of one model, and notes how they ended. `integrations.job_loop` carries many out at once.

    A subclass names the `model` and the schedule, and implements `flow` and `failure_of`.
    """

    model: type[J]
    # Seconds before each attempt, the first included: `(0, 30, 300)` is three attempts. Then the job is given up.
    retry_seconds: ClassVar[tuple[int, ...]]

    def flow(self, job: J) -> Generator[Any, Any, datetime | None]:
        """A flow (`integrations.core.http.Flow`) that carries a claimed job out.

        It may read and write the database between its requests, but holds no transaction during one. Returns when the
        job has to run again, e.g. to renew a channel, or None if it is done. Raises Postponed, or what `failure_of`
        understands.
        """
        raise NotImplementedError

    def failure_of(self, error: Exception) -> Failure | None:
        """What an error of `flow` means. Returns None for a bug, which is logged with its traceback and tried again."""
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

    def due(self, now: datetime | Now) -> QuerySet[J]:
        """The jobs that are due at `now`, a time or an expression of the database, whether or not they can run."""
        return self.model._default_manager.filter(due_at__lte=now)

    @transaction.atomic
    def claim(self, now: datetime, limit: int) -> list[J]:
        """Leases up to `limit` jobs for JOB_LEASE_SECONDS: of each owner the one that has been due longest.

        Owners with a job that runs are left out, and jobs that other workers are claiming at this moment. A worker that
        dies leaves a job to the next one when the lease ends; its attempt counts.
        """
        if not self.due(now).exists():  # as nearly always: the statement below takes longer to make
            return []
        busy = self.model._default_manager.filter(leased_until__gt=now).values("owner_id")
        ready = self.claimable().filter(due_at__lte=now).exclude(owner_id__in=busy)
        place = Window(RowNumber(), partition_by=F("owner_id"), order_by=["due_at", "pk"])
        first = ready.annotate(place=place).filter(place=1).values("pk")
        free = Q(leased_until=None) | Q(leased_until__lte=now)  # asked again of the row that is locked
        due = self.claimable().select_for_update(skip_locked=True).filter(free, due_at__lte=now, pk__in=first)
        claimed = list(due.order_by("due_at", "pk")[:limit])
        for job in claimed:
            job.leased_until = now + timedelta(seconds=JOB_LEASE_SECONDS)
            job.attempt_count += 1
        self.model._default_manager.bulk_update(claimed, ["leased_until", "attempt_count"])
        return claimed

    def begin(self, job: J) -> Generator[Any, Any, datetime | None] | None:
        """The flow of a claimed job; None if each attempt has ended with its worker, so that the job is given up."""
        if job.attempt_count > len(self.retry_seconds):
            self.fail(job, Failure("No attempt finished."))
            return None
        return self.flow(job)

    def end(self, job: J, again_at: datetime | None, error: Exception | None) -> None:
        """Notes how a flow has ended: with what it returned, or with an error."""
        if error is None:
            self.succeed(job, again_at)
        elif isinstance(error, Postponed):
            self.release(job, JOB_POSTPONED_SECONDS)
        elif isinstance(error, Error):  # of the database: nothing can be noted now, and the lease ends
            log.warning("job_interrupted", job=job.pk, model=self.model.__name__, error=str(error).strip())
        else:
            failure = self.failure_of(error)
            if failure is None:
                log.error("job_crashed", job=job.pk, model=self.model.__name__, exc_info=error, **self.describe(job))
                failure = Failure(JOB_CRASHED)
            self.fail(job, failure)

    def succeed(self, job: J, again_at: datetime | None) -> None:
        """Notes that a job is done: the row goes, or waits until `again_at` with all its attempts before it.

        Like `fail` and `release`, this ends only the lease if the job is to be done again since it was claimed, and
        does nothing if another worker has claimed it after the lease had ended.
        """
        unchanged = self._unchanged(job)
        if again_at is None:
            is_noted = unchanged.delete()[0]
        else:
            is_noted = unchanged.update(due_at=again_at, attempt_count=0, last_error="", leased_until=None)
        if not is_noted:
            self._end_lease(job)

    def fail(self, job: J, failure: Failure) -> None:
        """Notes a failed attempt: the next one is scheduled, or the job is given up."""
        given_up = failure.permanent or job.attempt_count >= len(self.retry_seconds)
        if not (self._unchanged(job).exists() and self._note_failure(job, failure, given_up)):
            self._end_lease(job)
            return
        log.warning(
            "job_failed",
            job=job.pk,
            model=self.model.__name__,
            attempts=job.attempt_count,
            given_up=given_up,
            **self.describe(job),
        )

    def release(self, job: J, seconds: float = 0) -> None:
        """Gives a claimed job back, to be run after `seconds`. The attempt does not count."""
        due_at = timezone.now() + timedelta(seconds=seconds)
        if not self._unchanged(job).update(due_at=due_at, attempt_count=F("attempt_count") - 1, leased_until=None):
            self._end_lease(job)

    @transaction.atomic
    def _note_failure(self, job: J, failure: Failure, given_up: bool) -> bool:
        """Returns whether that was still to be noted once the rows were locked."""
        self.on_failure(job, failure, given_up=given_up)
        if not list(self._unchanged(job).select_for_update().values_list("pk")):
            transaction.set_rollback(True)
            return False
        if given_up:
            self.give_up(job, failure)
        else:
            seconds = max(self.retry_seconds[job.attempt_count], failure.retry_after or 0.0)
            due_at = timezone.now() + timedelta(seconds=seconds)
            self._rows(job).update(due_at=due_at, last_error=failure.message[:500], leased_until=None)
        return True

    def _unchanged(self, job: J) -> QuerySet[J]:
        return self._rows(job).filter(leased_until=job.leased_until, due_at=job.due_at)

    def _end_lease(self, job: J) -> None:
        self._rows(job).filter(leased_until=job.leased_until).update(leased_until=None)

    def _rows(self, job: J) -> QuerySet[J]:
        # By key and in one statement: a job that was removed during the attempt is not written back.
        return self.model._default_manager.filter(pk=job.pk)

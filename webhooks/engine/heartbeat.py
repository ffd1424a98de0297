"""Each worker's heartbeat with its counters, for `/readyz` and `/metrics`."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone

from invenicum.transactions import bounded

from ..models import EngineHeartbeat
from . import claim
from .database import statements
from .hourly_counts import HourlyCountsOfProcess
from .metrics import Counters, total
from .processes import this_process
from .values import Beat, Neighbour

HEARTBEAT_INTERVAL_SECONDS = 2.0
HEARTBEAT_RETENTION = timedelta(days=1)
RETENTION_CHECK_SECONDS = 60.0
GONE_WORKERS = "gone"  # the row with the sums of workers whose own rows have been removed


class Heartbeat:
    """The heartbeat and counters of one process, to be made in that process."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.sums = HourlyCountsOfProcess()
        self.mark = claim.new_worker_mark()
        self._process = this_process()
        self._worker = f"{socket.gethostname()}:{os.getpid()}:{self.mark:x}"
        self.database_failed_at = float("-inf")  # in seconds of the monotonic clock
        self._written_at = self._retention_checked_at = float("-inf")
        self._last_outcome_at: datetime | None = None

    def is_overdue(self, since: float) -> bool:
        """Whether it must be written before anything else: others could not notice that this process died.

        `since`: from when on it might have been written, in seconds of the monotonic clock.
        """
        is_unknown = self._written_at == float("-inf")
        return is_unknown or time.monotonic() - max(self._written_at, since) >= 2 * HEARTBEAT_INTERVAL_SECONDS

    def beat(self) -> list[Neighbour]:
        """Writes that this process looked for work just now, and its counters; at most once in two seconds.

        Returns the other workers of its machine, if it wrote.
        """
        if time.monotonic() - self._written_at < HEARTBEAT_INTERVAL_SECONDS:
            return []
        neighbours = self._write_quickly()
        self._written_at = time.monotonic()
        if self._written_at - self._retention_checked_at >= RETENTION_CHECK_SECONDS:
            _fold(timezone.now())
            self._retention_checked_at = self._written_at
        return neighbours

    def _write_quickly(self) -> list[Neighbour]:
        """Does what `write` does, with one statement if this worker has a row."""
        is_known, neighbours = False, list[Neighbour]()
        if self._process:
            counters, process = json.dumps(self.counters.as_json()), self._process
            beat = Beat(
                *(self._worker, timezone.now(), self._last_outcome_at, counters, self.mark),
                *(process.machine, process.id, process.started),
            )
            with bounded(durable=False):
                is_known, neighbours = statements().beat(beat)
        if is_known:
            self.sums.write()
        else:
            self.write()
        return neighbours

    def write(self, *, has_ended: bool = False) -> None:
        """Writes the counters and the hourly sums; `has_ended` if this process leases nothing more."""
        columns: dict[str, Any] = {
            "last_drain_at": timezone.now(),
            "last_outcome_at": self._last_outcome_at,
            "counters": self.counters.as_json(),
        }
        if self._process:
            columns |= {
                "mark": None if has_ended else self.mark,
                "machine": self._process.machine,
                "process_id": self._process.id,
                "process_started": self._process.started,
            }
        with bounded(durable=False):
            EngineHeartbeat.objects.update_or_create(worker=self._worker, defaults=columns)
        self.sums.write()

    def wrote_outcomes(self) -> None:
        """Notes that outcomes of deliveries were written just now; the next beat tells it."""
        self._last_outcome_at = timezone.now()


@bounded()
def _fold(now: datetime) -> None:
    """Adds the counters of workers that are long gone to one row, so that no sum ever goes back."""
    gone = EngineHeartbeat.objects.filter(last_drain_at__lt=now - HEARTBEAT_RETENTION).exclude(worker=GONE_WORKERS)
    rows = list(gone.select_for_update(skip_locked=True))
    if not rows:
        return
    sums, _ = EngineHeartbeat.objects.select_for_update().get_or_create(
        worker=GONE_WORKERS, defaults={"last_drain_at": rows[0].last_drain_at}
    )
    sums.counters = total([sums.counters, *(row.counters for row in rows)]).as_json()
    sums.save(update_fields=["counters"])
    EngineHeartbeat.objects.filter(pk__in=[row.pk for row in rows]).delete()


def last_drain() -> datetime | None:
    """When any worker last looked for work; None if none ever did."""
    moment: datetime | None = EngineHeartbeat.objects.aggregate(latest=Max("last_drain_at"))["latest"]
    return moment


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker that has not ended, e.g. `WorkerSeen("host:4711:3f1c", last_drain=12:00:03, last_outcome=None)`."""

    name: str
    last_drain: datetime
    last_outcome: datetime | None


def workers() -> list[WorkerSeen]:
    """The workers that have not said that they ended and are not known to have died, the last seen first.

    One whose machine was lost stays among them for HEARTBEAT_RETENTION.
    """
    rows = EngineHeartbeat.objects.filter(mark__isnull=False).order_by("-last_drain_at")
    return [WorkerSeen(*row) for row in rows.values_list("worker", "last_drain_at", "last_outcome_at")]


@dataclass(frozen=True, slots=True)
class Progress:
    """Whether anything moves, e.g. `Progress(last_drain=12:00:03, last_outcome=12:00:02, due_since=11:59:58)`.

    `last_drain`: when any worker last looked for work. `last_outcome`: when any wrote the outcomes of attempts, which
    is known within HEARTBEAT_INTERVAL_SECONDS. `due_since`: since when the delivery that has been due longest has been
    due, among those that a worker could send now: without those behind a hold of their lane or behind an earlier one
    of their order. Each is None if there is none.

    The engine stands still if `due_since` and `last_outcome` are both older than an attempt can take
    (`DELIVERY_TIMEOUT`) and `last_drain` is recent all the same.
    """

    last_drain: datetime | None
    last_outcome: datetime | None
    due_since: datetime | None


def progress() -> Progress:
    """What the engine did last and what it still has to do, in two statements; see `Progress`."""
    latest = EngineHeartbeat.objects.aggregate(drain=Max("last_drain_at"), outcome=Max("last_outcome_at"))
    return Progress(latest["drain"], latest["outcome"], statements().due_since(timezone.now()))

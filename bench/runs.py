"""One measured run: workers send all pending deliveries; elapsed and processor time are measured."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min
from django.utils import timezone

from bench import processor
from bench.stand import Stand, wait_until
from webhooks.models import Attempt, Delivery

Workers = Sequence[subprocess.Popen[bytes]]


@dataclass
class Run:
    """Deliveries a second from the first attempt to the last outcome; microseconds of processor time a delivery."""

    rate: float
    worker: float
    database: float
    receiver: float
    failed: int  # attempts

    @property
    def whole(self) -> float:
        return self.worker + self.database + self.receiver


def measure(stand: Stand, start: Callable[[], Workers], already_spent: float = 0.0) -> Run:
    """Lets the workers that `start` returns send all pending deliveries, and stops them.

    `already_spent` is processor time in seconds that is subtracted, for starting and stopping.
    """
    since = timezone.now()
    database, receiver = stand.database_seconds(), stand.receiver_seconds()
    workers = start()
    spent = {worker.pid: 0.0 for worker in workers}

    def is_done() -> bool:
        for worker in workers:
            if worker.returncode is None:  # an ended worker can be read until it is polled
                spent[worker.pid] = processor.seconds(worker.pid)
                worker.poll()
        ended = all(worker.returncode is not None for worker in workers)
        return ended or not Delivery.objects.filter(status=Delivery.Status.PENDING).exists()

    wait_until(is_done, seconds=1800, every=0.1)
    database, receiver = stand.database_seconds() - database, stand.receiver_seconds() - receiver
    stand.end(*workers)
    count, seconds, failed = outcome(since)
    return Run(
        rate=count / seconds,
        worker=(sum(spent.values()) - already_spent) / count * 1e6,
        database=database / count * 1e6,
        receiver=receiver / count * 1e6,
        failed=failed,
    )


def outcome(since: datetime) -> tuple[int, float, int]:
    """The number of deliveries, the seconds from the first attempt to the last outcome, and the failed attempts."""
    attempts = Attempt.objects.filter(started_at__gte=since).aggregate(count=Count("id"), first=Min("started_at"))
    delivered = Delivery.objects.filter(status=Delivery.Status.DELIVERED, finished_at__gte=since)
    ended = delivered.aggregate(count=Count("id"), last=Max("finished_at"))
    seconds = (ended["last"] - attempts["first"]).total_seconds()
    return ended["count"], seconds, attempts["count"] - ended["count"]


def cost_of_starting(stand: Stand) -> float:
    """The processor time of a `deliver --once` that finds nothing."""
    before = processor.seconds_of_ended_children()
    stand.deliver("--once").wait()
    return processor.seconds_of_ended_children() - before


def settle(worker: subprocess.Popen[bytes]) -> float:
    """Waits until a worker has started and is idle. Returns the processor time in seconds that it used."""
    spent, before = processor.seconds(worker.pid), -1.0
    while spent - before > 0.01 or spent < 0.5:
        time.sleep(0.5)
        before, spent = spent, processor.seconds(worker.pid)
    return spent

"""What is done about workers that died, and about the deliveries on which they died.

Every worker looks, with each heartbeat, whether others of its machine have died, and so does each new process of a
Celery worker. It releases their lanes at once. A delivery on which workers die again and again is set aside: it fails,
and its owner can retry it. If a worker died on several that one flow sends, each is tried alone next, so that only the
one at fault is set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from django.db.models import F
from django.utils import timezone

from invenicum.transactions import bounded

from ..models import Delivery, EngineHeartbeat, Lane
from . import current_delivery
from .metrics import total
from .processes import is_running, this_process
from .values import Claimed, DeliveryId, Neighbour

CRASHES_TO_SET_ASIDE = 3  # in a row
CRASH_RETRY = timedelta(seconds=5)  # after which a delivery that crashed is tried again
SET_ASIDE = (
    f"Set aside: the worker that sent it crashed {CRASHES_TO_SET_ASIDE} times. An operator should look at the log "
    "before it is retried."
)

log = structlog.get_logger(__name__)
Row = TypeVar("Row")


def release_dead_workers() -> bool:
    """Releases the lanes of workers of this machine whose process has ended. Returns whether there were any."""
    process = this_process()
    if process is None:
        return False
    workers = EngineHeartbeat.objects.filter(machine=process.machine, mark__isnull=False)
    return release_dead(Neighbour(*row) for row in workers.values_list("worker", "process_id", "process_started"))


def release_dead(neighbours: Iterable[Neighbour]) -> bool:
    """Releases the lanes of those whose process has ended. Returns whether there were any."""
    dead = [one.worker for one in neighbours if not _is_running(one)]
    if not dead:
        return False
    found = False
    for worker in EngineHeartbeat.objects.filter(pk__in=dead, mark__isnull=False):
        found = _release(worker) or found
    return found


def _is_running(neighbour: Neighbour) -> bool:
    assert neighbour.process_id is not None
    assert neighbour.process_started is not None
    return is_running(neighbour.process_id, neighbour.process_started)


@bounded()
def _release(worker: EngineHeartbeat) -> bool:
    """Whether the worker died with lanes, and was not noticed by another."""
    assert worker.mark is not None
    assert worker.process_id is not None
    if not EngineHeartbeat.objects.filter(pk=worker.pk, mark=worker.mark).update(mark=None):
        return False
    lanes = Lane.objects.filter(worker=worker.mark).update(worker=None, leased_until=None)
    deliveries = current_delivery.last_of(worker.process_id, worker.mark)
    if not (lanes or deliveries):  # it had nothing to do: most likely it was stopped
        return False
    log.error("worker_died", worker=worker.worker, lanes=lanes, deliveries=deliveries)
    counters = total([worker.counters])
    counters.faults["worker_died"] += 1
    counters.faults["delivery_set_aside"] += blame(deliveries)
    EngineHeartbeat.objects.filter(pk=worker.pk).update(counters=counters.as_json())
    return True


def blame(deliveries: Collection[DeliveryId]) -> int:
    """Counts a crash for each delivery. Returns how many of them are set aside because it was one too many.

    The others are due again after CRASH_RETRY. Those that were suspended in the meantime stay suspended.
    """
    if not deliveries:
        return 0
    now = timezone.now()
    pending = Delivery.objects.filter(pk__in=deliveries, status=Delivery.Status.PENDING)
    with bounded():
        pending.update(crash_count=F("crash_count") + 1)
        pending.filter(due_at__isnull=False).update(due_at=now + CRASH_RETRY)
        hopeless = pending.filter(crash_count__gte=CRASHES_TO_SET_ASIDE)
        set_aside = hopeless.update(
            status=Delivery.Status.FAILED,
            due_at=None,
            finished_at=now,
            error=SET_ASIDE,
            error_class="crash",
            status_code=None,
        )
    if set_aside:
        log.error("delivery_set_aside", deliveries=list(deliveries))
    return set_aside


def read_each(rows: Iterable[Row], read: Callable[[Row], Claimed], delivery_of: Callable[[Row], Any]) -> list[Claimed]:
    """What `read` makes of each row. One that cannot be read is blamed on its delivery, and left out."""
    claimed = []
    for row in rows:
        try:
            claimed.append(read(row))
        except Exception:
            log.exception("delivery_unreadable", delivery=str(delivery_of(row)))
            blame([str(delivery_of(row))])
    return claimed

"""What the service does beside delivering: each duty in a thread of its own, so that none delays another.

A duty is a few steps, one after the other; a step that fails does not stop the next one. A run is told after
DUTY_MAX_SECONDS to leave the rest to the next run, and no step does unlimited work for one owner.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

import structlog
from celery.signals import worker_process_shutdown
from django.conf import settings
from django.db import Error, close_old_connections, connections
from django.db.models import Exists
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from integrations.job_loop import run_due_jobs
from integrations.provider_jobs import ProviderJobRunner
from invenicum.per_process import PerProcess
from oauth_flows import confirmations, reconnect_alerts, refresh, start_links
from oauth_flows.revoke import RevocationRunner

from . import backfill_steps, failure_alerts, replays, shutdown
from .due_duties import Conditions, DueDuties
from .retention import prune
from .signals import watch_conditions, watch_due

DUTY_MAX_SECONDS = 60.0  # after which a run leaves the rest to the next one
DUTIES_STOP_SECONDS = 5.0  # for the runs to end when their process stops; Docker kills after ten

Condition = Callable[[], bool]
# Is given two conditions: whether the process stops, and whether the run is to end, which includes the first.
Step = Callable[[Condition, Condition], object]

log = structlog.get_logger(__name__)


def _prune(is_stopping: Condition, is_over: Condition) -> None:
    # To the end, in short transactions: nothing else waits in its thread.
    prune(timezone.now() - timedelta(days=settings.RETENTION_DAYS), is_over=is_stopping)


def _watch_conditions(now: Now) -> Iterable[Combinable]:
    answers: list[Any] = [answer for _, answer in watch_conditions.send(sender=None, now=now)]
    return chain.from_iterable(answers)


@dataclass(frozen=True, slots=True)
class Duty:
    """Steps, and when they are due. A duty without conditions runs only when it is woken by its name."""

    steps: tuple[Step, ...]
    due: Conditions = lambda now: ()


JOBS = (ProviderJobRunner(), RevocationRunner())
DUTIES: Mapping[str, Duty] = {
    # Goes on while there are jobs: what becomes due meanwhile does not wait for a service that hangs.
    "jobs": Duty(
        (lambda stops, over: run_due_jobs(JOBS, should_stop=stops),),
        lambda now: (Exists(runner.due(now)) for runner in JOBS),
    ),
    "connections": Duty(
        (
            lambda stops, over: refresh.refresh_due(),
            lambda stops, over: start_links.remove_expired(),
            lambda stops, over: confirmations.expire(),
        ),
        lambda now: (Exists(rows) for rows in (refresh.due(now), start_links.expired(now), confirmations.expired(now))),
    ),
    "alerts": Duty(
        (
            lambda stops, over: failure_alerts.watch(is_over=over),
            lambda stops, over: reconnect_alerts.notify_owners(is_over=over),
        ),
        lambda now: (Exists(failure_alerts.due(now)), Exists(reconnect_alerts.unnotified())),
    ),
    "replays": Duty(
        (lambda stops, over: replays.run_due(is_over=over),),
        lambda now: (Exists(replays.unfinished()),),
    ),
    "backfills": Duty(
        (lambda stops, over: backfill_steps.run_due(is_over=over),),
        lambda now: (Exists(backfill_steps.due_soon(now)),),
    ),
    "watching": Duty(
        (lambda stops, over: watch_due.send_robust(sender=None),),
        _watch_conditions,
    ),
    "retention": Duty((_prune,)),
}
# Those with conditions; the others run every hour.
FREQUENT = ("jobs", "connections", "alerts", "replays", "backfills", "watching")
LOOK = "look"  # the thread that looks which of them are due


def run_all(*names: str) -> None:
    """Runs duties once, one after the other in this thread; without names the frequent ones."""
    for name in names or FREQUENT:
        _run(name, lambda: False)


def wake(*names: str) -> None:
    """Has this process run duties in their threads. One that runs at this moment runs once more afterwards."""
    _background.get().wake(*names)


def wake_due() -> None:
    """Has this process run those of the frequent duties that are due, if any: a thread looks, with one statement.

    If that cannot be known, because the statement fails, all of them run: each tells what it cannot do.
    """
    _background.get().wake(LOOK)


def stop() -> None:
    """Stops this process's threads. Jobs that run are given back; returns after DUTIES_STOP_SECONDS at the latest."""
    _background.get().stop()


class Background:
    """A thread for each duty that was ever woken. Only for the process that created it."""

    def __init__(self) -> None:
        self._is_stopped = threading.Event()
        self._wanted: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._due_duties: DueDuties | None = None
        worker_process_shutdown.connect(self.stop, weak=False)

    def wake(self, *names: str) -> None:
        for name in names:
            with self._lock:
                if name not in self._wanted:
                    self._wanted[name] = threading.Event()
                    thread = threading.Thread(target=self._work, args=(name,), name=name, daemon=True)
                    self._threads.append(thread)
                    thread.start()
            self._wanted[name].set()

    def stop(self, **kwargs: Any) -> None:
        self._is_stopped.set()
        for wanted in self._wanted.values():
            wanted.set()
        deadline = time.monotonic() + DUTIES_STOP_SECONDS
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def _work(self, name: str) -> None:
        wanted = self._wanted[name]
        while wanted.wait() and not self._is_stopping():
            wanted.clear()
            close_old_connections()
            if name == LOOK:
                self.wake(*self._due())
            else:
                _run(name, self._is_stopping)
            close_old_connections()
        connections.close_all()

    def _due(self) -> Sequence[str]:
        try:
            if self._due_duties is None:
                self._due_duties = DueDuties({name: DUTIES[name].due for name in FREQUENT})
            return self._due_duties.find()
        except Error as error:
            log.warning("database_failed", duty=LOOK, error=str(error).strip())
        except Exception:
            log.exception("duty_failed", duty=LOOK)
        return FREQUENT

    def _is_stopping(self) -> bool:
        return self._is_stopped.is_set() or shutdown.is_stopping()


_background = PerProcess(Background)


def _run(name: str, is_stopping: Condition) -> None:
    ends_at = time.monotonic() + DUTY_MAX_SECONDS

    def is_over() -> bool:
        return is_stopping() or time.monotonic() >= ends_at

    for step in DUTIES[name].steps:
        try:
            step(is_stopping, is_over)
        except Error as error:
            log.warning("database_failed", duty=name, error=str(error).strip())
        except Exception:
            log.exception("duty_failed", duty=name)

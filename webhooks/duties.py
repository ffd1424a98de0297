"""What the service does beside delivering: each duty in a thread of its own, so that none delays another.

A duty is a few steps, one after the other; a step that fails does not stop the next one. A run is told after
DUTY_MAX_SECONDS to leave the rest to the next run, and no step does unlimited work for one owner.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from celery.signals import worker_process_shutdown
from django.conf import settings
from django.db import Error, close_old_connections, connections
from django.utils import timezone

from integrations.job_loop import run_due_jobs
from integrations.provider_jobs import ProviderJobRunner
from invenicum.per_process import PerProcess
from oauth_flows import confirmations, start_links
from oauth_flows.reconnect_alerts import notify_owners
from oauth_flows.refresh import refresh_due
from oauth_flows.revoke import RevocationRunner

from . import backfill_steps, failure_alerts, replays, shutdown
from .retention import prune
from .signals import watch_due

DUTY_MAX_SECONDS = 60.0  # after which a run leaves the rest to the next one
DUTIES_STOP_SECONDS = 5.0  # for the runs to end when their process stops; Docker kills after ten

Condition = Callable[[], bool]
# Is given two conditions: whether the process stops, and whether the run is to end, which includes the first.
Step = Callable[[Condition, Condition], object]

log = structlog.get_logger(__name__)


def _prune(is_stopping: Condition, is_over: Condition) -> None:
    # To the end, in short transactions: nothing else waits in its thread.
    prune(timezone.now() - timedelta(days=settings.RETENTION_DAYS), is_over=is_stopping)


DUTIES: Mapping[str, tuple[Step, ...]] = {
    # Goes on while there are jobs: what becomes due meanwhile does not wait for a service that hangs.
    "jobs": (lambda stops, over: run_due_jobs([ProviderJobRunner(), RevocationRunner()], should_stop=stops),),
    "connections": (
        lambda stops, over: refresh_due(),
        lambda stops, over: start_links.remove_expired(),
        lambda stops, over: confirmations.expire(),
    ),
    "alerts": (
        lambda stops, over: failure_alerts.watch(is_over=over),
        lambda stops, over: notify_owners(is_over=over),
    ),
    "replays": (lambda stops, over: replays.run_due(is_over=over),),
    "backfills": (lambda stops, over: backfill_steps.run_due(is_over=over),),
    "watching": (lambda stops, over: watch_due.send_robust(sender=None),),
    "retention": (_prune,),
}
# Every few seconds; retention every hour.
FREQUENT = ("jobs", "connections", "alerts", "replays", "backfills", "watching")


def run_all(*names: str) -> None:
    """Runs duties once, one after the other in this thread; without names the frequent ones."""
    for name in names or FREQUENT:
        _run(name, lambda: False)


def wake(*names: str) -> None:
    """Has this process run duties in their threads. One that runs at this moment runs once more afterwards."""
    _background.get().wake(*names)


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
            _run(name, self._is_stopping)
            close_old_connections()
        connections.close_all()

    def _is_stopping(self) -> bool:
        return self._is_stopped.is_set() or shutdown.is_stopping()


_background = PerProcess(Background)


def _run(name: str, is_stopping: Condition) -> None:
    ends_at = time.monotonic() + DUTY_MAX_SECONDS

    def is_over() -> bool:
        return is_stopping() or time.monotonic() >= ends_at

    for step in DUTIES[name]:
        try:
            step(is_stopping, is_over)
        except Error as error:
            log.warning("database_failed", duty=name, error=str(error).strip())
        except Exception:
            log.exception("duty_failed", duty=name)

"""The `deliver` command: the whole engine in one process, without a broker."""

import signal
import threading
import time
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from ...engine.database import statements
from ...engine.worker import drain
from ...tasks import run_jobs

DRAIN_MAX_PAUSE_SECONDS = 0.5  # a retry becomes due without a change in the database
JOBS_INTERVAL_SECONDS = 0.5
CHANGE_POLL_SECONDS = 0.005  # between two reads of the change counter, which take microseconds
DRAIN_PAUSE_SECONDS = 0.03  # if the database has no change counter
DATABASE_RETRY_SECONDS = 1.0  # after the database has failed

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Delivers what is due, in a loop: the whole engine on one machine, without a broker."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now and exit")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        if once:
            run_jobs()
            drain(should_stop=stop.is_set)
            return
        threading.Thread(target=_run_jobs, args=(stop,), daemon=True).start()
        while not stop.is_set():
            try:
                before = statements().change_counter()
                drain(should_stop=stop.is_set)
                _wait_for_change(before, stop)
            except Error as error:
                log.warning("database_failed", error=str(error).strip())
                close_old_connections()
                stop.wait(DATABASE_RETRY_SECONDS)


def _run_jobs(stop: threading.Event) -> None:
    """Runs in a thread of its own: a provider that does not respond must not delay the deliveries."""
    while not stop.wait(JOBS_INTERVAL_SECONDS):
        close_old_connections()
        try:
            run_jobs()
        except Exception:
            log.exception("jobs_failed")


def _wait_for_change(before: int | None, stop: threading.Event) -> None:
    deadline = time.monotonic() + DRAIN_MAX_PAUSE_SECONDS
    interval = DRAIN_PAUSE_SECONDS if before is None else CHANGE_POLL_SECONDS
    while time.monotonic() < deadline and not stop.wait(interval):
        if before is None or statements().change_counter() != before:
            return

import signal
import threading
import time
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections, connection

from ...engine.worker import drain
from ...tasks import run_jobs

LOOK_AT_LEAST_EVERY = 0.5  # seconds: retries fall due without anybody writing to the database
SQLITE_WATCH = 0.005  # seconds between two looks at SQLite's change counter, which cost microseconds
PATIENCE = 0.03  # seconds between two looks at a database that cannot be watched
DATABASE_REST = 1.0  # seconds between two tries of a database that is gone

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
                before = _change_counter()
                drain(should_stop=stop.is_set)
                _wait_for_change(before, stop)
            except Error as error:
                log.warning("database_failed", error=str(error).strip())
                close_old_connections()
                stop.wait(DATABASE_REST)


def _run_jobs(stop: threading.Event) -> None:
    """A thread of its own: a provider that does not answer must not hold up the deliveries."""
    while not stop.wait(LOOK_AT_LEAST_EVERY):
        close_old_connections()
        try:
            run_jobs()
        except Exception:
            log.exception("jobs_failed")


def _wait_for_change(before: int | None, stop: threading.Event) -> None:
    deadline = time.monotonic() + LOOK_AT_LEAST_EVERY
    while time.monotonic() < deadline and not stop.wait(SQLITE_WATCH if before is not None else PATIENCE):
        if before is None or _change_counter() != before:
            return


def _change_counter() -> int | None:
    """A number that changes when another connection commits (SQLite's `data_version`); None on other databases."""
    if connection.vendor != "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])

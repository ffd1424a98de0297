"""The `deliver` command: the whole engine on one machine, without a broker."""

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from ... import duties, supervisor
from ...engine.database import statements
from ...engine.worker import drain, end_process

DRAIN_MAX_PAUSE_SECONDS = 0.5  # a retry becomes due without a change in the database
DUTIES_INTERVAL_SECONDS = 0.5
CHANGE_POLL_SECONDS = 0.005  # between two reads of the change counter, which take microseconds
DRAIN_PAUSE_SECONDS = 0.03  # if the database has no change counter
FAILURE_RETRY_SECONDS = 1.0  # after the database, or the engine itself, has failed

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Delivers what is due, in a loop: the whole engine on one machine, without a broker."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now and exit")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            duties.run_all()
            drain()
            end_process()
        else:
            supervisor.keep_running(_deliver)


def _deliver(should_stop: Callable[[], bool]) -> None:
    threading.Thread(target=_wake_duties, args=(should_stop,), daemon=True).start()
    while not should_stop():
        try:
            before = statements().change_counter()
            drain(should_stop=should_stop)
            _wait_for_change(before, should_stop)
        except Error as error:
            log.warning("database_failed", error=str(error).strip())
            _pause(should_stop)
        except Exception:  # contained: what was leased is released
            log.exception("engine_failed")
            _pause(should_stop)
    duties.stop()
    try:
        end_process()
    except Error as error:
        log.warning("database_failed", error=str(error).strip())


def _pause(should_stop: Callable[[], bool]) -> None:
    close_old_connections()
    ends = time.monotonic() + FAILURE_RETRY_SECONDS
    while time.monotonic() < ends and not should_stop():
        time.sleep(CHANGE_POLL_SECONDS)


def _wake_duties(should_stop: Callable[[], bool]) -> None:
    while not should_stop():
        duties.wake(*duties.FREQUENT)
        time.sleep(DUTIES_INTERVAL_SECONDS)


def _wait_for_change(before: int | None, should_stop: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DRAIN_MAX_PAUSE_SECONDS
    interval = DRAIN_PAUSE_SECONDS if before is None else CHANGE_POLL_SECONDS
    while time.monotonic() < deadline and not should_stop():
        time.sleep(interval)
        if before is None or statements().change_counter() != before:
            return

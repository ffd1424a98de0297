"""The `deliver` command: the whole engine on one machine, without a broker."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from ... import duties, supervisor, wake
from ...engine.worker import drain, end_process

DRAIN_MAX_PAUSE_SECONDS = 1.0  # a retry becomes due without a wake-up
DUTIES_INTERVAL_SECONDS = 5.0  # what users do wakes them at once
FAILURE_RETRY_SECONDS = 1.0  # after the database, or the engine itself, has failed
STOP_CHECK_SECONDS = 0.005

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Delivers what is due, in a loop: the whole engine on one machine, without a broker."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now and exit")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            stop = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())
            duties.run_all()
            drain(should_stop=stop.is_set)
            end_process()
        else:
            supervisor.keep_running(_deliver)


def _deliver(should_stop: supervisor.Stop) -> None:
    listener = wake.listen(on_duties=lambda: duties.wake(*duties.FREQUENT))
    should_stop.on_told = listener.wake
    threading.Thread(target=_wake_duties, args=(should_stop,), daemon=True).start()
    while not should_stop():
        try:
            drain(should_stop=should_stop)
            listener.wait(DRAIN_MAX_PAUSE_SECONDS, should_stop)
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
        time.sleep(STOP_CHECK_SECONDS)


def _wake_duties(should_stop: Callable[[], bool]) -> None:
    while not should_stop():
        duties.wake_due()
        time.sleep(DUTIES_INTERVAL_SECONDS)

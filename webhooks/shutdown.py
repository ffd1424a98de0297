"""The stop of a Celery worker: its child processes are told, and it ends in time whatever hangs.

Celery tells only the main process, and waits for the tasks that run in its children. They share a page of memory with
it, because they were forked from it. If they were not, a task runs until the end of its time slice.
"""

import mmap
import os
import signal
import threading
from contextlib import suppress
from typing import Any

import structlog
from billiard.process import active_children
from celery.signals import worker_shutting_down

# Then a worker ends at once: a broker that does not respond, or a task that does not end, kept it for minutes. The
# engine has released its lanes by then (SHUTDOWN_GRACE_SECONDS), and Docker kills after ten seconds.
STOP_SECONDS = 9.0

_flag = mmap.mmap(-1, 1)
_told, _tell = os.pipe()
log = structlog.get_logger(__name__)


@worker_shutting_down.connect
def _on_worker_shutting_down(**kwargs: Any) -> None:
    if not is_stopping():
        _flag[0] = 1
        os.write(_tell, b".")  # which remains there, for all of them
        timer = threading.Timer(STOP_SECONDS, _end)
        timer.daemon = True
        timer.start()


def sign() -> int:
    """The descriptor of a file that can be read from the moment that this process's Celery worker is stopping."""
    return _told


def is_stopping() -> bool:
    """Whether this process's Celery worker is stopping."""
    return _flag[0] == 1


def _end() -> None:
    log.warning("stop_cut_short", seconds=STOP_SECONDS)
    for child in active_children():
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
    os._exit(0)

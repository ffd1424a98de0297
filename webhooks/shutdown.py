"""Lets the processes of a Celery worker know that the worker is told to stop.

Celery tells the main process alone, and waits for the tasks that run in its children. A page of memory that they
share by being forked carries the news; where children are not forked, a task runs on to the end of its time slice.
"""

import mmap
from typing import Any

from celery.signals import worker_shutting_down

_flag = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _on_worker_shutting_down(**kwargs: Any) -> None:
    _flag[0] = 1


def is_stopping() -> bool:
    return _flag[0] == 1

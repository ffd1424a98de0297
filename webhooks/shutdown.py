"""Tells the child processes of a Celery worker that the worker is stopping.

Celery tells only the main process, and waits for the tasks that run in its children. They share a page of memory with
it, because they were forked from it. If they were not, a task runs until the end of its time slice.
"""

import mmap
from typing import Any

from celery.signals import worker_shutting_down

_flag = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _on_worker_shutting_down(**kwargs: Any) -> None:
    _flag[0] = 1


def is_stopping() -> bool:
    """Whether this process's Celery worker is stopping."""
    return _flag[0] == 1

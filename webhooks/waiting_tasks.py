"""Whether tasks wait until a child of this Celery worker is free: for a child that only waits for something to do.

The main process writes a byte for each task that it receives, and a child reads one for each that it begins. They
share the pipe because the children are forked. A task that never begins leaves a byte, which ends one wait too early.
"""

import os
from contextlib import suppress
from typing import Any

from celery.signals import task_prerun, task_received

_read, _write = os.pipe()
for _end in (_read, _write):
    os.set_blocking(_end, False)


@task_received.connect
def _on_received(**kwargs: Any) -> None:
    with suppress(BlockingIOError):  # thousands wait
        os.write(_write, b".")


@task_prerun.connect
def _on_begin(**kwargs: Any) -> None:
    take()


def sign() -> int:
    """The descriptor of a file that can be read while a task waits."""
    return _read


def take() -> bool:
    """Whether a task waits. If so, the caller has to make room for it: others are not told so again."""
    try:
        return bool(os.read(_read, 1))
    except BlockingIOError:
        return False

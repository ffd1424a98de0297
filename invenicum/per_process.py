"""Values that belong to one process: threads do not survive a fork, and connections must not be shared by it. Pure."""

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class PerProcess(Generic[Value]):
    """Gives each process its own value, made by `make` at first use there.

    `PerProcess(Waker).get()` returns the same `Waker` to all threads of a process and another one in a process that was
    forked from it, as Celery does. The value of the parent is left untouched in the child: closing it there
    would end connections that the parent uses.
    """

    def __init__(self, make: Callable[[], Value]):
        self._make = make
        self._values: dict[int, Value] = {}  # by process id
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._renew_lock)

    def get(self) -> Value:
        pid = os.getpid()
        if pid not in self._values:
            with self._lock:
                if pid not in self._values:
                    self._values[pid] = self._make()
        return self._values[pid]

    def forget(self) -> None:
        """Drops this process's value: the next one who asks gets a new one. For tests."""
        self._values.pop(os.getpid(), None)

    def _renew_lock(self) -> None:
        """In the child: another thread of the parent may have held the lock when it forked."""
        self._lock = threading.Lock()

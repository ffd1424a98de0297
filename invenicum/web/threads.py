"""A bounded pool of threads that an event loop hands calls to."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")

Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop, float]


class Busy(Exception):
    """Too many calls wait for a thread, or this one has waited too long."""


class Threads:
    """`count` threads, and at most `waiting` calls that wait for one, each for at most `patience` seconds.

    The threads are daemons, so that a call that hangs does not keep the process from ending, and they stay: Django
    keeps one database connection in each.
    """

    def __init__(self, count: int, waiting: int, patience: float, name: str = "web"):
        self._room = count + waiting
        self._patience = patience
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._work, name=f"{name}-{number + 1}", daemon=True).start()

    async def run(self, call: Callable[[], Result]) -> Result:
        """What `call` returns in one of the threads. Raises Busy, or what it raises."""
        if self._room <= 0:
            raise Busy
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._room -= 1
        self._jobs.put((call, future, loop, loop.time() + self._patience))
        return await future

    def _work(self) -> None:
        while True:
            call, future, loop, latest_start = self._jobs.get()
            result: Any = None
            error: BaseException | None = None
            if loop.time() > latest_start:
                error = Busy()
            else:
                try:
                    result = call()
                except BaseException as raised:  # noqa: BLE001 - the caller gets it
                    error = raised
            try:
                loop.call_soon_threadsafe(self._finish, future, result, error)
            except RuntimeError:
                return  # the loop is closed: the process is ending
            del call, future, result, error

    def _finish(self, future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        self._room += 1
        if future.done():  # cancelled
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

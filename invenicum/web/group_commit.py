"""Group commit: what concurrent requests write is committed together, by one thread of the process."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import structlog
from django.db import Error, close_old_connections, connections

from invenicum.api.unavailable import is_unavailable
from invenicum.transactions import is_locked

from .threads import Busy

Item = TypeVar("Item")
Result = TypeVar("Result")

# After a group of several. Those who were just answered ask again within this time, so that groups are larger: a group
# of one costs nearly as much as a group of ten.
LINGER_SECONDS = 0.003
# What has waited for a group that takes this long is refused.
PATIENCE_SECONDS = 10.0

# Classes of PostgreSQL's errors of a connection, a transaction, resources, and a server that shuts down:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_NOT_OF_A_STATEMENT = frozenset({"08", "25", "53", "57"})

log = structlog.get_logger(__name__)


class NotWritten(Exception):
    """The database could not be used. What was to be committed just then may be there all the same."""


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result | None]
    request_id: str


_Group = tuple[asyncio.AbstractEventLoop, list[_Waiting[Item, Result]]]


class GroupCommit(Generic[Item, Result]):
    """A queue of at most `waiting` items, and a thread that writes up to `most` of them at once.

    write: writes the items in one transaction, all or none, and returns a result for each; called in the thread. If it
    raises, the items are written in halves, so that in the end only those at fault get no result.
    waiting_bytes: how large the items that wait may be together. For the event loop of one process only.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Sequence[Result | None]], *, waiting: int, waiting_bytes: int, most: int
    ):
        self._write = write
        self._most = most
        self._room, self._room_bytes = waiting, waiting_bytes
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._is_writing = False
        self._groups: SimpleQueue[_Group[Item, Result] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def submit(self, item: Item, size: int, request_id: str = "") -> Result | None:
        """The result of `item`, of `size` bytes, after it was committed; None if it cannot be written in a group.

        request_id: for the log, if its group is not written. Raises Busy, or NotWritten. An item whose caller gives up
        before it is taken is not written.
        """
        if self._room <= 0 or self._room_bytes < size:
            raise Busy
        loop = asyncio.get_running_loop()
        waiting = _Waiting[Item, Result](item, loop.create_future(), request_id)
        self._room -= 1
        self._room_bytes -= size
        self._waiting.append(waiting)
        if not self._is_writing:
            self._is_writing = True
            loop.call_soon(self._next, loop)  # what else has arrived by now is written with it
        try:
            return await waiting.future
        finally:
            self._room += 1
            self._room_bytes += size

    def close(self) -> None:
        """Ends the thread and its database connection after what was submitted is written. For tests."""
        self._groups.put(None)
        if self._thread:
            self._thread.join()

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hands the next group to the thread."""
        group: list[_Waiting[Item, Result]] = []
        while self._waiting and len(group) < self._most:
            waiting = self._waiting.popleft()
            if not waiting.future.done():
                group.append(waiting)
        self._is_writing = bool(group)
        if not group:
            return
        if self._thread is None:  # in the process that answers, not in one that only imports the application
            self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
            self._thread.start()
        self._patience = loop.call_later(PATIENCE_SECONDS, self._refuse_waiting, loop)
        self._groups.put((loop, group))

    def _refuse_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        _fail(self._waiting, Busy)
        self._waiting.clear()
        self._patience = loop.call_later(PATIENCE_SECONDS, self._refuse_waiting, loop)

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        group: list[_Waiting[Item, Result]],
        results: Sequence[Result | None],
        is_away: bool,
    ) -> None:
        self._patience.cancel()
        if is_away:
            # None of those that wait fares better; each may cost a connection's timeout.
            _fail([*group, *self._waiting], NotWritten)
            self._waiting.clear()
        for waiting, result in zip(group, results, strict=False):
            if not waiting.future.done():  # cancelled
                waiting.future.set_result(result)
        if len(group) > 1 or self._waiting:
            loop.call_later(LINGER_SECONDS, self._next, loop)
        else:
            self._is_writing = False

    def _run(self) -> None:
        while taken := self._groups.get():
            loop, group = taken
            close_old_connections()
            results: list[Result | None] = []
            is_away = False
            try:
                results = self._write_group(group)
            except NotWritten:
                is_away = True
            try:
                loop.call_soon_threadsafe(self._finish, loop, group, results, is_away)
            except RuntimeError:
                return  # the loop is closed: the process is ending
        connections.close_all()

    def _write_group(self, group: list[_Waiting[Item, Result]]) -> list[Result | None]:
        try:
            return list(self._write([waiting.item for waiting in group]))
        except Error as error:
            close_old_connections()
            is_away = _is_away(error) and not is_locked(error)
            what = "database_failed" if is_away else "group_not_written"
            log.warning(what, **_names_of(group), error=str(error).partition("\n")[0])
            if is_away:
                raise NotWritten from None
            if is_locked(error):
                return [None] * len(group)  # each by itself, so that only the one at fault waits
        except Exception:
            log.exception("group_not_written", **_names_of(group))
        if len(group) == 1:
            return [None]
        middle = len(group) // 2
        return self._write_group(group[:middle]) + self._write_group(group[middle:])


def _names_of(group: Iterable[_Waiting[Any, Any]]) -> dict[str, list[str]]:
    """For the log: the ids of the requests, as `request_id` has them for those that Django answers."""
    return {"request_ids": [waiting.request_id for waiting in group]}


def _is_away(error: Error) -> bool:
    """Whether the database, not one of the items, is the reason."""
    state = getattr(error.__cause__, "sqlstate", None)
    return is_unavailable(error) and (state is None or state[:2] in _NOT_OF_A_STATEMENT)


def _fail(failed: Iterable[_Waiting[Any, Any]], error: type[Exception]) -> None:
    for waiting in failed:
        if not waiting.future.done():
            waiting.future.set_exception(error())

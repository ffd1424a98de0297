"""The deliveries on which each worker works at this moment, in memory that outlives the worker: one, or a group.

A process that dies in the middle of a delivery (a fault in a C library, no memory left) cannot say which one it was.
The memory is shared by all processes that were forked from the one that imported this module, so one of the others can.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar

from integrations.core.http import Flow, Request, Response

from .values import GROUP_MOST_DELIVERIES, DeliveryId

T = TypeVar("T")

SLOTS = 4096  # by the last digits of the process id
_MARK = struct.Struct("q")
_ID_BYTES = 36
_END = b"\0"  # after the last id
_SLOT_BYTES = _MARK.size + GROUP_MOST_DELIVERIES * _ID_BYTES + len(_END)

_memory = mmap.mmap(-1, SLOTS * _SLOT_BYTES)  # the system provides only the pages that are written to


class CurrentDelivery:
    """The slot of one worker, to be made in its process. `mark` is the worker's mark on the lanes that it leases."""

    def __init__(self, mark: int) -> None:
        self._at = _slot(os.getpid())
        _memory[self._at : self._at + _MARK.size + len(_END)] = _MARK.pack(mark) + _END
        self._at += _MARK.size

    def enter(self, ids: str) -> None:
        """Notes on which deliveries the worker works: their ids, one after the other."""
        noted = ids.encode() + _END
        _memory[self._at : self._at + len(noted)] = noted

    def leave(self) -> None:
        _memory[self._at : self._at + len(_END)] = _END

    @contextmanager
    def working_on(self, ids: str) -> Generator[None]:
        """Notes that the worker works on these deliveries, until the block ends."""
        self.enter(ids)
        try:
            yield
        finally:
            self.leave()

    def watch(self, ids: str, flow: Flow[T]) -> Flow[T]:
        """The flow, noting in each of its steps that the worker works on it.

        A step that would end the whole process, such as `sys.exit()`, fails as any other fault of the flow does.
        """
        step = flow.send
        value: Response | Exception | None = None
        try:
            while True:
                self.enter(ids)
                try:
                    request: Request = step(value)  # type: ignore[arg-type]
                except StopIteration as stop:
                    result: T = stop.value
                    return result
                except SystemExit as error:
                    raise RuntimeError("The connector tried to end the process.") from error
                finally:
                    self.leave()
                try:
                    value, step = (yield request), flow.send
                except Exception as error:  # noqa: BLE001 - raised inside the flow, at its request
                    value, step = error, flow.throw  # type: ignore[assignment]
        finally:
            flow.close()


def last_of(process_id: int, mark: int) -> list[DeliveryId]:
    """The deliveries on which a worker worked when its process died; none if it worked on none, or is not known here.

    For example `["0190f5a1-…"]`, or several if one flow sends them.
    """
    at = _slot(process_id)
    slot = _memory[at : at + _SLOT_BYTES]
    if _MARK.unpack(slot[: _MARK.size])[0] != mark:
        return []
    ids = slot[_MARK.size :].partition(_END)[0].decode()
    return [ids[start : start + _ID_BYTES] for start in range(0, len(ids), _ID_BYTES)]


def _slot(process_id: int) -> int:
    return process_id % SLOTS * _SLOT_BYTES

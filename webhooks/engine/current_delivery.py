"""The delivery on which each worker works at this moment, in memory that outlives the worker.

A process that dies in the middle of a delivery (a fault in a C library, no memory left) cannot say which one it was.
The page is shared by all processes that were forked from the one that imported this module, so one of the others can.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager

from integrations.core.http import Flow, Request, Response

from .values import DeliveryId

SLOTS = 4096  # by the last digits of the process id
_MARK = struct.Struct("q")
_ID_BYTES = 36
_SLOT_BYTES = _MARK.size + _ID_BYTES
_NONE = b"\0"

_page = mmap.mmap(-1, SLOTS * _SLOT_BYTES)


class CurrentDelivery:
    """The slot of one worker, to be made in its process. `mark` is the worker's mark on the lanes that it leases."""

    def __init__(self, mark: int) -> None:
        self._at = _slot(os.getpid())
        _page[self._at : self._at + _SLOT_BYTES] = _MARK.pack(mark) + bytes(_ID_BYTES)
        self._at += _MARK.size

    def enter(self, delivery: DeliveryId) -> None:
        _page[self._at : self._at + _ID_BYTES] = delivery.encode()

    def leave(self) -> None:
        _page[self._at : self._at + 1] = _NONE

    @contextmanager
    def working_on(self, delivery: DeliveryId) -> Generator[None]:
        """Notes that the worker works on a delivery, until the block ends."""
        self.enter(delivery)
        try:
            yield
        finally:
            self.leave()

    def watch(self, delivery: DeliveryId, flow: Flow[None]) -> Flow[None]:
        """The flow, noting in each of its steps that the worker works on it.

        A step that would end the whole process, such as `sys.exit()`, fails as any other fault of the flow does.
        """
        step = flow.send
        value: Response | Exception | None = None
        try:
            while True:
                self.enter(delivery)
                try:
                    request: Request = step(value)  # type: ignore[arg-type]
                except StopIteration:
                    return
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


def last_of(process_id: int, mark: int) -> DeliveryId | None:
    """The delivery on which a worker worked when its process died; None if it worked on none, or is not known here."""
    at = _slot(process_id)
    delivery = _page[at + _MARK.size : at + _SLOT_BYTES]
    if _MARK.unpack(_page[at : at + _MARK.size])[0] != mark or delivery.startswith(_NONE):
        return None
    return delivery.decode()


def _slot(process_id: int) -> int:
    return process_id % SLOTS * _SLOT_BYTES

"""Reading the bodies of hooks: how many bytes of how many requests a process holds at once.

A body is not read before the headers and the address say that an integration may verify it (`receive.expect`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.conf import settings
from rest_framework.request import Request

from invenicum.api.parsers import read_body, too_large
from invenicum.per_process import PerProcess

# Bodies up to this size are not counted: the number of threads bounds them, and large ones never delay them.
UNCOUNTED_BODY_BYTES = 256 * 1024
# The part of the budget that the bodies for one address may take.
SHARE_OF_ONE_ADDRESS = 0.5
RETRY_AFTER_SECONDS = 5


class TooManyBytes(Exception):
    """The process holds as many bytes of hooks as it may: the request can be repeated after RETRY_AFTER_SECONDS."""


class Budget:
    """The bytes of bodies that one process holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, address: str, size: int) -> Iterator[None]:
        """Inside the block `size` bytes sent to `address` are held. Raises TooManyBytes.

        The first body of an address is accepted whatever share it takes, if the whole budget has room for it.
        """
        with self._lock:
            held = self._held.get(address, 0)
            is_above_share = held > 0 and held + size > settings.INBOUND_BYTES_AT_ONCE * SHARE_OF_ONE_ADDRESS
            if is_above_share or (self._held and self._held.total() + size > settings.INBOUND_BYTES_AT_ONCE):
                raise TooManyBytes
            self._held[address] += size
        try:
            yield
        finally:
            with self._lock:
                self._held[address] -= size
                if not self._held[address]:
                    del self._held[address]


_budget = PerProcess(Budget)


def declared_size(request: Request) -> int:
    """The size of the body in bytes, as Content-Length says. No more than this is read."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


@contextmanager
def read(request: Request, address: str, limit: int) -> Iterator[bytes]:
    """The whole body, of at most `limit` bytes; it counts towards the budget until the block ends.

    `address`: what the body was sent to, for its share of the budget. Raises TooManyBytes, or ApiError (413).
    """
    size = declared_size(request)
    if size > limit:
        raise too_large(limit)
    counted = _budget.get().hold(address, size) if size > UNCOUNTED_BODY_BYTES else nullcontext()
    with counted:
        yield read_body(request.stream, limit) if request.stream else b""

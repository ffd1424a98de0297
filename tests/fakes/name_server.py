"""A name server on UDP that knows some names and does not answer for any other, as one that hangs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection
from types import TracebackType
from typing import Self

from tests.waiting import LOOK_SECONDS

PORT = 53
_FOUND = b"\x81\x80"  # flags of an answer without an error
_A = b"\x00\x01"
_ANSWER = b"\xc0\x0c" + _A + b"\x00\x01" + b"\x00\x00\x00\x05" + b"\x00\x04"  # the question's name, five seconds


class NameServer:
    """Answers on `address` while its `with` block runs: `known` names are 127.0.0.1. `asked` are the names so far."""

    def __init__(self, address: str, known: Collection[str]) -> None:
        self.asked: set[str] = set()
        self._known = known
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, PORT))
        self._socket.settimeout(LOOK_SECONDS)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                query, client = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            name, end = _name_in(query)
            self.asked.add(name)
            if name in self._known:
                is_ipv4 = query[end : end + 2] == _A
                counts = b"\x00\x01" + (b"\x00\x01" if is_ipv4 else b"\x00\x00") + bytes(4)
                answer = _ANSWER + socket.inet_aton("127.0.0.1") if is_ipv4 else b""
                self._socket.sendto(query[:2] + _FOUND + counts + query[12 : end + 4] + answer, client)


def _name_in(query: bytes) -> tuple[str, int]:
    """The name in a question, and where its type begins (RFC 1035, 4.1.2)."""
    labels, place = [], 12
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode("latin-1"))
        place += 1 + query[place]
    return ".".join(labels).lower(), place + 1

"""A load generator: keeps a number of HTTP connections busy from one event loop, and measures each answer."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.shapes import percentile

ANSWER_TIMEOUT_SECONDS = 60.0


@dataclass
class Answers:
    """What a load was answered: statuses, and milliseconds from sending a request to its whole answer."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        """Successful answers a second."""
        return sum(count for status, count in self.statuses.items() if status < 300) / self.seconds

    @property
    def p50(self) -> float:
        return percentile(self.milliseconds, 0.5)

    @property
    def p99(self) -> float:
        return percentile(self.milliseconds, 0.99)

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 300)


def post(path: str, token: str, body: bytes, **headers: str) -> bytes:
    """The bytes of a POST with a JSON body. Header names are written with underscores: `idempotency_key`."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def get(path: str, token: str = "") -> bytes:
    """The bytes of a GET."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n".encode()


def send(port: int, request: Callable[[int], bytes], connections: int, seconds: float, most: int = 0) -> Answers:
    """Sends one request after another on each of `connections` for `seconds`, or until `most` have been sent.

    `request` makes the bytes of request number n. Requests that are under way at the end are answered, and counted.
    """
    with selectors.DefaultSelector() as selector:
        return _Load(selector, port, request, connections, seconds, most).run()


class _Connection:
    __slots__ = ("buffer", "sent_at", "socket")

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent_at = 0.0


class _Load:
    def __init__(
        self,
        selector: selectors.DefaultSelector,
        port: int,
        request: Callable[[int], bytes],
        connections: int,
        seconds: float,
        most: int,
    ):
        self._selector = selector
        self._request = request
        self._open = [_Connection(port) for _ in range(connections)]
        self._seconds = seconds
        self._most = most or 10**12
        self._sent = 0
        self._answers = Answers()

    def run(self) -> Answers:
        began = time.perf_counter()
        self._ends_at = began + self._seconds
        for connection in self._open:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._send(connection)
        while self._answers.count < self._sent:
            ready = self._selector.select(ANSWER_TIMEOUT_SECONDS)
            if not ready:
                raise TimeoutError("The service does not answer.")
            for key, _ in ready:
                self._read(key.data)
        self._answers.seconds = time.perf_counter() - began
        for connection in self._open:
            connection.socket.close()
        return self._answers

    def _send(self, connection: _Connection) -> None:
        now = time.perf_counter()
        if now < self._ends_at and self._sent < self._most:
            connection.sent_at = now
            connection.socket.sendall(self._request(self._sent))
            self._sent += 1

    def _read(self, connection: _Connection) -> None:
        received = connection.socket.recv(1 << 20)
        if not received:
            raise ConnectionError(f"The service closed a connection after {self._answers.count} answers.")
        connection.buffer += received
        end = connection.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = connection.buffer[:end].lower()
        length = _length(head, connection.buffer[end + 4 :])
        if length is None or len(connection.buffer) < end + 4 + length:
            return
        self._answers.statuses[int(head[9:12])] += 1
        self._answers.milliseconds.append((time.perf_counter() - connection.sent_at) * 1000)
        connection.buffer = connection.buffer[end + 4 + length :]
        self._send(connection)


def _length(head: bytes, rest: bytes) -> int | None:
    """The bytes of the body that belongs to an answer's lower-case head; None if that is not known yet."""
    if b"transfer-encoding: chunked" in head:
        return len(rest) if rest.endswith(b"0\r\n\r\n") else None
    _, named, value = head.partition(b"content-length:")
    return int(value.split(b"\r", 1)[0]) if named else 0

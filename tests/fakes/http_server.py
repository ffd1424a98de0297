"""A raw HTTP/1.1 server on a real socket: records requests, and answers correctly or with the faults that a test needs.

    with FakeServer(lambda request: (200, {}, b"ok")) as server:
        ...  # talk to server.url
    assert server.requests[0].headers["content-type"] == "application/json"

A handler answers with `(status, headers, body)`; with bytes, which are sent unchanged before the connection is closed;
or with a behaviour, a function that is given the connection. `hang`, `reset` and others below are behaviours.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, BinaryIO, Self

from tests.waiting import WAIT_DEADLINE_SECONDS


@dataclass(frozen=True)
class Received:
    """One request as it arrived. Header names are lower case; `connection` counts TCP connections from 0.

    `client` is the common name in the client's certificate, if it had to show one.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    client: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Connection:
    """What a behaviour works with. `closing` is set when the server shuts down."""

    socket: socket.socket
    closing: threading.Event


Behaviour = Callable[[Connection], None]
Answer = tuple[int, Mapping[str, str], bytes] | bytes | Behaviour
Handler = Callable[[Received], Answer]


class FakeServer:
    """Serves in threads while its `with` block runs. With `tls` it speaks https.

    An exception in a handler is answered with 500 and raised again at the end of the block.
    """

    def __init__(self, handler: Handler, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler
        self.requests: list[Received] = []
        self.connections = 0
        self._host = host
        self._tls = tls
        self._closing = threading.Event()
        self._arrived = threading.Condition()
        self._open: set[socket.socket] = set()
        self._failure: Exception | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def wait_for(self, count: int) -> list[Received]:
        """The requests so far, as soon as there are `count` of them."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.requests) >= count, WAIT_DEADLINE_SECONDS)
        assert arrived, f"{len(self.requests)} of {count} requests arrived within {WAIT_DEADLINE_SECONDS:.0f} s"
        return list(self.requests)

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self._host, 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self._closing.set()
        for open_socket in [self._listener, *self._open]:
            # Wakes the thread that waits on it. Closing alone would not.
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._failure and error is None:
            raise self._failure

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(accepted)
            number = self.connections
            self.connections += 1
            threading.Thread(target=self._serve, args=(accepted, number), daemon=True).start()

    def _serve(self, accepted: socket.socket, number: int) -> None:
        with suppress(OSError), accepted:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted
            with stream, stream.makefile("rb") as reader:
                while request := _read_request(reader, number, _common_name(stream)):
                    with self._arrived:
                        self.requests.append(request)
                        self._arrived.notify_all()
                    if not self._answer(request, Connection(stream, self._closing)):
                        break
        self._open.discard(accepted)

    def _answer(self, request: Received, connection: Connection) -> bool:
        """Whether the connection may serve another request."""
        try:
            answer = self.handler(request)
        except Exception as error:  # noqa: BLE001 — the test must fail with it, not this thread
            self._failure = self._failure or error
            answer = (500, {}, b"")
        if isinstance(answer, tuple):
            connection.socket.sendall(render(*answer))
            return True
        if isinstance(answer, bytes):
            connection.socket.sendall(answer)
        else:
            answer(connection)
        return False


def json_answer(status: int, payload: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(payload).encode()


def hang(connection: Connection) -> None:
    """Sends nothing until the server shuts down."""
    connection.closing.wait()


def reset(connection: Connection) -> None:
    """Ends the connection with a TCP reset."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(connection: Connection) -> None:
    """Closes the connection without a response."""


def stream(chunks: Iterator[bytes], seconds_between: float = 0) -> Behaviour:
    """Sends `chunks` unchanged, until they end, the client leaves or the server closes."""

    def send(connection: Connection) -> None:
        for chunk in chunks:
            connection.socket.sendall(chunk)
            if connection.closing.wait(seconds_between):
                return

    return send


def render(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """An HTTP/1.1 response with the right Content-Length."""
    known = status in HTTPStatus._value2member_map_
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else 'Odd'}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _common_name(stream: socket.socket) -> str:
    peer = (stream.getpeercert() or {}) if isinstance(stream, ssl.SSLSocket) else {}
    names: Any = peer.get("subject", ())
    return next((value for ((kind, value),) in names if kind == "commonName"), "")


def _read_request(reader: BinaryIO, connection: int, client: str) -> Received | None:
    start = reader.readline().decode("latin-1").split()
    if len(start) != 3:
        return None
    headers = {}
    while (line := reader.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))
    return Received(start[0], start[1], headers, body, connection, client)

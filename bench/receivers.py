"""Receivers in one event loop that answer, answer late, hang, drip one byte a second, or refuse connections."""

from __future__ import annotations

import heapq
import multiprocessing
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from multiprocessing.connection import Connection

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: bench\r\nContent-Length: 2\r\n\r\nok"
DRIP_INTERVAL_SECONDS = 1.0
LATE_SECONDS = 0.3
ID = b"webhook-id: evt_"


class Behaviour(StrEnum):
    ANSWERS = "answers"
    ANSWERS_LATE = "answers late"
    HANGS = "hangs"
    DRIPS = "drips"
    REFUSES = "refuses"


class Receiver:
    """A process with one port for each of `behaviours`. It records when it first received each event."""

    def __init__(self, behaviours: Sequence[Behaviour]):
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_Loop.serve, args=(list(behaviours), theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.urls = [f"http://127.0.0.1:{port}/webhooks/invenicum" for port in self._pipe.recv()]

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def arrivals(self) -> dict[str, float]:
        """Event ids answered since the last call, each with its time of arrival in Unix seconds."""
        self._pipe.send(None)
        arrivals: dict[str, float] = self._pipe.recv()
        return arrivals

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


class _Loop:
    def __init__(self, behaviours: list[Behaviour], pipe: Connection):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._pipe = pipe
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ, self._report)
        self._arrivals: dict[str, float] = {}
        self._drips: list[tuple[float, int, socket.socket, int]] = []
        self._late: deque[tuple[float, socket.socket, str, float]] = deque()
        self._listeners = [self._listen(behaviour) for behaviour in behaviours]
        pipe.send([listener.getsockname()[1] for listener in self._listeners])

    @classmethod
    def serve(cls, behaviours: list[Behaviour], pipe: Connection) -> None:
        loop = cls(behaviours, pipe)
        while True:
            loop.turn()

    def turn(self) -> None:
        waits = [queue[0][0] for queue in (self._drips, self._late) if queue]
        wait = max(min(waits) - time.monotonic(), 0) if waits else None
        for key, _ in self._selector.select(wait):
            key.data(key.fileobj)
        while self._late and self._late[0][0] <= time.monotonic():
            self._answer(*self._late.popleft()[1:])
        while self._drips and self._drips[0][0] <= time.monotonic():
            self._drip(*heapq.heappop(self._drips)[2:])

    def _listen(self, behaviour: Behaviour) -> socket.socket:
        if behaviour == Behaviour.REFUSES:  # bound, so that no other program gets the port, but not listening
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            return listener
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, lambda ready: self._accept(ready, behaviour))
        return listener

    def _accept(self, listener: socket.socket, behaviour: Behaviour) -> None:
        connection, _ = listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray()
        self._selector.register(connection, selectors.EVENT_READ, lambda ready: self._read(ready, buffer, behaviour))

    def _read(self, connection: socket.socket, buffer: bytearray, behaviour: Behaviour) -> None:
        try:
            received = connection.recv(65536)
        except OSError:
            received = b""
        if not received:
            self._selector.unregister(connection)
            connection.close()
            return
        buffer += received
        now = time.time()
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            head = buffer[:end]
            length = head.lower().find(b"content-length:")
            size = int(head[length + 15 :].split(b"\r", 1)[0]) if length >= 0 else 0
            if len(buffer) < end + 4 + size:
                return
            del buffer[: end + 4 + size]
            self._react(connection, head, behaviour, now)

    def _react(self, connection: socket.socket, head: bytearray, behaviour: Behaviour, now: float) -> None:
        if behaviour == Behaviour.DRIPS:
            self._drip(connection, 0)
            return
        named = head.find(ID)
        event = head[named + len(ID) : named + len(ID) + 32].decode() if named >= 0 else ""
        if behaviour == Behaviour.ANSWERS:
            self._answer(connection, event, now)
        elif behaviour == Behaviour.ANSWERS_LATE:
            self._late.append((time.monotonic() + LATE_SECONDS, connection, event, now))

    def _answer(self, connection: socket.socket, event: str, received_at: float) -> None:
        with suppress(OSError):  # the sender has closed the connection
            connection.send(ANSWER)
        if event:
            self._arrivals.setdefault(event, received_at)

    def _drip(self, connection: socket.socket, sent: int) -> None:
        try:
            connection.send(ANSWER[sent : sent + 1])
        except OSError:
            return
        if sent + 1 < len(ANSWER):
            heapq.heappush(
                self._drips, (time.monotonic() + DRIP_INTERVAL_SECONDS, id(connection), connection, sent + 1)
            )

    def _report(self, pipe: Connection) -> None:
        pipe.recv()
        pipe.send(self._arrivals)
        self._arrivals = {}

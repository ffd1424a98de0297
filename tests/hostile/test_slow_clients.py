"""Clients that send their headers or their body slowly, keep connections open, or do not read what they asked for."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.processes import Process, environment, web
from tests.services import free_port, wait_for_port
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = 200  # of each kind
ANSWER_SECONDS = 4.0  # well under a second on a machine that is not four times slower and busy
# The server's own limits are 15 seconds for headers, 10 for a body.
CUT_OFF_SECONDS = 40.0

HALF_HEADERS = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Name: "
JSON_POST = b"POST /api/v1/assets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HALF_BODY = JSON_POST + b"Content-Length: 100\r\n\r\n{"
HALF_CHUNKS = JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
KEPT_OPEN = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
# Some 1.5 MB.
UNREAD = b"GET /static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Attack:
    """Connections that have sent something and then do nothing."""

    def __init__(self, port: int, running: ExitStack) -> None:
        self.port = port
        self._running = running

    def connect(self, request: bytes, count: int = CLIENTS, receive_buffer: int = 0) -> list[socket.socket]:
        return [self._connect(request, receive_buffer) for _ in range(count)]

    def _connect(self, request: bytes, receive_buffer: int) -> socket.socket:
        client = self._running.enter_context(socket.socket())
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(WAIT_DEADLINE_SECONDS)
        client.connect(("127.0.0.1", self.port))
        client.sendall(request)
        return client


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    with web(environment(PORT=str(free_port()), WEB_THREADS="4"), tmp_path / "log") as process:
        wait_for_port(int(process.env["PORT"]))
        yield process


@pytest.fixture
def attack(server: Process) -> Iterator[Attack]:
    with ExitStack() as running:
        port = int(server.env["PORT"])
        for _ in range(4):
            seconds_of(port, "/api/v1/integrations/status")  # the first requests of each process load what others need
        yield Attack(port, running)


def seconds_of(port: int, path: str, status: int | None = None) -> float:
    began = time.monotonic()
    client = HTTPConnection("127.0.0.1", port, timeout=WAIT_DEADLINE_SECONDS)
    client.request("GET", path)
    response = client.getresponse()
    response.read()
    client.close()
    assert status in (None, response.status)
    return time.monotonic() - began


def assert_answers(port: int) -> None:
    assert seconds_of(port, "/healthz", 200) < ANSWER_SECONDS
    assert seconds_of(port, "/api/v1/integrations/status", 401) < ANSWER_SECONDS


def rest_of(client: socket.socket) -> bytes:
    """What the server still sends until it ends the connection."""
    received = b""
    try:
        while piece := client.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def test_half_sent_requests_take_no_thread_and_are_cut_off(attack: Attack) -> None:
    began = time.monotonic()
    headers, bodies = attack.connect(HALF_HEADERS), attack.connect(HALF_BODY)
    chunks, kept = attack.connect(HALF_CHUNKS, 20), attack.connect(KEPT_OPEN)
    assert_answers(attack.port)
    for client in bodies + chunks:
        assert b" 408 " in rest_of(client)
    for client in headers:
        assert rest_of(client) == b""
    for client in kept:
        assert rest_of(client).startswith(b"HTTP/1.1 200")
    assert time.monotonic() - began < CUT_OFF_SECONDS
    assert_answers(attack.port)


def test_clients_that_read_nothing_take_no_thread(attack: Attack) -> None:
    clients = attack.connect(UNREAD, receive_buffer=4096)
    assert_answers(attack.port)
    assert all(client.recv(12) == b"HTTP/1.1 200" for client in clients)
    assert_answers(attack.port)


def test_a_stop_answers_what_was_taken_in_and_ends_within_seconds(server: Process, attack: Attack) -> None:
    attack.connect(KEPT_OPEN, 20)
    (late,) = attack.connect(HALF_BODY, 1)
    attack.connect(HALF_HEADERS, 20)
    began = time.monotonic()
    server.process.terminate()
    wait_until(lambda: not takes_connections(attack.port), "the server takes no more connections")
    late.sendall(b" " * 98 + b"}")
    assert late.recv(12) == b"HTTP/1.1 401"
    assert server.wait() == 0
    assert time.monotonic() - began < 20


def takes_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_process_that_is_killed_is_replaced_and_none_outlives_the_server(server: Process, attack: Attack) -> None:
    wait_until(lambda: len(children(server)) == 2, "both have started")
    workers = children(server)
    kill(workers[0])
    wait_until(lambda: len(children(server)) == 2 and children(server) != workers, "it is replaced")
    # The other one may not have been ready when it was killed.
    wait_until(lambda: takes_connections(attack.port), "one of them listens")
    assert seconds_of(attack.port, "/healthz", 200) < WAIT_DEADLINE_SECONDS
    kill(server.process.pid)
    server.process.wait()
    wait_until(lambda: not takes_connections(attack.port), "no process is left")


def children(server: Process) -> list[int]:
    """The process ids of the workers, the oldest first."""
    found = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in _command(child)]


def _command(process_id: str) -> bytes:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def kill(process_id: int) -> None:
    os.kill(process_id, signal.SIGKILL)

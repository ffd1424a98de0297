"""One account is sent large hooks that no secret verifies."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from pathlib import Path

import pytest

from invenicum.accounts.models import User
from tests.hostile.conftest import Stack
from tests.hostile.neighbour import Neighbour, assert_unharmed
from tests.inbound import connect
from tests.waiting import WAIT_DEADLINE_SECONDS

pytestmark = pytest.mark.hostile
HOOKS = 32
SIZE = 25 * 1024 * 1024
CHUNK = b"x" * 65_536


def test_large_hooks_that_prove_nothing_take_little_memory_and_delay_no_other_account(
    stack: Stack, neighbour: Neighbour, alice: User
) -> None:
    integration = connect(alice, "github")
    quiet = neighbour.measure()
    before = peak_memory(stack)
    statuses: Counter[str] = Counter()

    def send(path: str, signature: str) -> None:
        with socket.create_connection(("127.0.0.1", stack.port), timeout=WAIT_DEADLINE_SECONDS) as client:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{signature}"
            client.sendall(f"{head}Content-Length: {SIZE}\r\nConnection: close\r\n\r\n".encode())
            try:
                for _ in range(SIZE // len(CHUNK)):
                    client.sendall(CHUNK)
            except OSError:  # the server answers without reading, and closes
                pass
            try:
                statuses[client.recv(12).decode()[9:]] += 1
            except OSError:  # the answer was lost with what the server did not read
                statuses["closed"] += 1

    kinds = [("/webhooks/github", ""), (f"/webhooks/github/{integration.pk}", "X-Hub-Signature-256: sha256=00\r\n")]
    senders = [threading.Thread(target=send, args=kinds[number % 2]) for number in range(HOOKS)]
    for sender in senders:
        sender.start()
    attacked = neighbour.measure()
    assert stack.health_seconds() < 2
    for sender in senders:
        sender.join(WAIT_DEADLINE_SECONDS)
    assert statuses.keys() <= {"401", "413", "503", "closed"}, statuses
    assert_unharmed(attacked, quiet)
    # Two processes, each with 64 MiB of bodies, which the server and Django hold twice while they are read.
    assert peak_memory(stack) - before < 320, statuses


def peak_memory(stack: Stack) -> float:
    """The most memory that the web processes have had at once, in MiB."""
    return sum(map(_peak, _family(stack.web.process.pid)))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _peak(pid: int) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024

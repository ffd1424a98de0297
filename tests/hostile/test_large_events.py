"""Accounts publish events of the largest size to slow endpoints: workers hold few of them."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from tests.fakes.http_server import Answer, FakeServer, Received
from tests.hostile.conftest import Stack
from tests.hostile.neighbour import Neighbour, assert_unharmed

pytestmark = pytest.mark.hostile

ACCOUNTS, EVENTS, EVENT_BYTES = 10, 70, 250_000
MOST_GROWTH_MIB = 100  # of one process


def accept_slowly(request: Received) -> Answer:
    threading.Event().wait(0.5)  # quick enough for more and more requests at once
    return 200, {}, b""


def most_memory(process_id: int) -> int:
    """The peak memory of a process, in MiB."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def delivery_processes(stack: Stack) -> list[int]:
    parent = stack.worker.process.pid
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def test_large_events_take_little_memory_and_delay_no_other_account(stack: Stack, neighbour: Neighbour) -> None:
    quiet = neighbour.measure()
    before = {process: most_memory(process) for process in delivery_processes(stack)}
    with ExitStack() as servers:
        server = servers.enter_context(FakeServer(accept_slowly))
        for number in range(ACCOUNTS):
            owner = User.objects.create_user(f"hostile-{number}")
            connect_webhook(owner, server.url)
            text = "x" * EVENT_BYTES
            publish_many([Draft(owner, "asset.created", {"assetId": f"a-{n}", "text": text}) for n in range(EVENTS)])
        attacked = neighbour.measure(80)
        after = {process: most_memory(process) for process in before}
    growth = {process: after[process] - before[process] for process in before}
    assert max(growth.values()) < MOST_GROWTH_MIB, growth
    assert_unharmed(attacked, quiet)
    assert stack.health_seconds() < 2

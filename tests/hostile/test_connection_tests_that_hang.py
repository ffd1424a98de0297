"""One account sends connection tests to an endpoint that never answers."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.client import HTTPConnection

import pytest

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from tests.fakes.http_server import FakeServer, hang
from tests.hostile.conftest import Stack
from tests.hostile.neighbour import Neighbour, assert_unharmed
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.hostile
TESTS = 60


def test_connection_tests_that_hang_leave_the_web_threads_to_others(
    stack: Stack, neighbour: Neighbour, alice: User
) -> None:
    quiet = neighbour.measure()
    token = issue_token(alice)
    statuses: Counter[int] = Counter()

    def send(url: str) -> None:
        client = HTTPConnection("127.0.0.1", stack.port, timeout=WAIT_DEADLINE_SECONDS)
        body = json.dumps({"type": "webhook", "config": {"url": url}})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        client.request("POST", "/integrations/test", body, headers)
        statuses[client.getresponse().status] += 1
        client.close()

    with FakeServer(lambda _: hang) as server:
        senders = [threading.Thread(target=send, args=(server.url,)) for _ in range(TESTS)]
        for sender in senders:
            sender.start()
        wait_until(lambda: statuses[429] >= TESTS - 4, "tests beyond the limits are refused at once")
        attacked = neighbour.measure()
        assert stack.health_seconds() < 2
        for sender in senders:
            sender.join(WAIT_DEADLINE_SECONDS)
    assert_unharmed(attacked, quiet)
    assert sum(statuses.values()) == TESTS
    assert statuses[400] == 2  # they ran into the time limit; Redis counts for both web processes

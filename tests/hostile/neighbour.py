"""The neighbour: another account of the same service, whose deliveries are watched while somebody attacks."""

from __future__ import annotations

import json
import statistics
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from types import TracebackType

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from tests.factories import connect_webhook
from tests.fakes.http_server import Answer, FakeServer, Received
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

DATA = {"assetId": "asset-1"}
PUBLISH_INTERVAL_SECONDS = 0.05
# A shorter delay says more about the machine than about the service: real attacks caused 2 to 80 s.
HARMLESS_SECONDS = 0.5


@dataclass(frozen=True)
class Latencies:
    """Seconds from publishing an event to its request at the receiver, in the order of publishing."""

    seconds: list[float]

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"p50 {self.p50:.3f} s, slowest {max(self.seconds):.3f} s of {len(self.seconds)} events"


class Neighbour:
    """Publishes events of `owner` over the API on `port`, to a custom webhook. Use it as a context manager.

    `host` is the webhook's name for this machine. With `closes` its receiver closes each connection, so that each event
    needs a new one and, if `host` is a name, its address.
    """

    def __init__(self, owner: User, port: int, host: str = "127.0.0.1", *, closes: bool = False) -> None:
        self._owner = owner
        self._host = host
        self._headers = {"Connection": "close"} if closes else {}
        self._port = port
        self._token = issue_token(owner, ["events:write"])
        self._arrived: dict[str, float] = {}
        self._lock = threading.Lock()
        self._server = FakeServer(self._receive)

    def __enter__(self) -> Neighbour:
        self._server.__enter__()
        connect_webhook(self._owner, f"http://{self._host}:{self._server.port}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def measure(self, events: int = 40) -> Latencies:
        """Publishes `events` events, twenty a second, and waits until each has arrived; fails if one does not."""
        published: dict[str, float] = {}
        client = HTTPConnection("127.0.0.1", self._port, timeout=WAIT_DEADLINE_SECONDS)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        for _ in range(events):
            began = time.time()
            client.request("POST", "/events", json.dumps({"event": "asset.created", "data": DATA}), headers)
            answer = client.getresponse()
            body = json.load(answer)
            assert answer.status == 202, body
            published[body["data"]["id"]] = began
            time.sleep(max(began + PUBLISH_INTERVAL_SECONDS - time.time(), 0.0))  # a rate, not a wait
        client.close()
        wait_until(lambda: published.keys() <= self._arrived.keys(), "every event of the neighbour has arrived")
        return Latencies([self._arrived[event] - began for event, began in published.items()])

    def _receive(self, request: Received) -> Answer:
        with self._lock:
            self._arrived.setdefault(request.headers["webhook-id"], time.time())
        return 200, self._headers, b""


def assert_unharmed(attacked: Latencies, quiet: Latencies) -> None:
    """Fails if the neighbour's median latency under attack is more than three times that of quiet times."""
    assert attacked.p50 <= max(3 * quiet.p50, HARMLESS_SECONDS), f"under attack: {attacked}; before: {quiet}"

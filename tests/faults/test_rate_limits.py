"""Rate limits and Retry-After hold exactly, through processes of their own: not more is sent, and hardly less."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from invenicum.accounts.models import User
from tests.factories import connect_webhook
from tests.fakes.http_server import Answer, FakeServer, Received
from tests.faults.conftest import Broker, on_postgresql, publish
from tests.processes import beat, deliver, environment, worker
from tests.waiting import wait_until
from webhooks.engine.worker import drain
from webhooks.models import Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

CATCH_UP_SECONDS = 0.1
SLOW_MACHINE = 0.5  # of the rate that a slow machine must reach


class Clocked:
    """A receiver that notes when requests arrive."""

    def __init__(self) -> None:
        self.arrived: list[float] = []

    def __call__(self, request: Received) -> Answer:
        self.arrived.append(time.monotonic())
        return 200, {}, b""

    def assert_rate(self, rate: float) -> None:
        """Fails if more arrived in any stretch of time than `rate` a second allow, or much less on the whole."""
        arrived = sorted(self.arrived)
        for first in range(len(arrived)):
            for last in range(first + 1, len(arrived)):
                seconds = arrived[last] - arrived[first]
                # The network and the receiver's threads shift a request by some milliseconds.
                assert last - first <= rate * (seconds + CATCH_UP_SECONDS + 0.03) + 1, f"{last - first} in {seconds} s"
        whole = arrived[-1] - arrived[0]
        assert (len(arrived) - 1) / whole >= SLOW_MACHINE * rate, f"{len(arrived)} in {whole} s"


def run_engine(kind: str, running: ExitStack, broker: Broker, folder: Path) -> None:
    if kind == "deliver":
        running.enter_context(deliver(environment(), folder / "deliver.log"))
        return
    broker.start()
    env = environment(CELERY_BROKER_URL=broker.url)
    workers = running.enter_context(worker(env, folder / "worker.log", processes=2))
    running.enter_context(beat(env, folder / "beat.log", folder / "schedule"))
    wait_until(lambda: "ready" in workers.output(), "the worker is ready")


@pytest.mark.parametrize("kind", ["deliver", "celery"])
def test_an_engine_keeps_each_rate_exactly(
    alice: User, bob: User, charlie: User, broker: Broker, tmp_path: Path, kind: str
) -> None:
    backlog, ordered, single = Clocked(), Clocked(), Clocked()
    with ExitStack() as running:
        connect_webhook(alice, running.enter_context(FakeServer(backlog)).url, rateLimit=4)
        connect_webhook(bob, running.enter_context(FakeServer(ordered)).url, rateLimit=10, ordered=True)
        connect_webhook(charlie, running.enter_context(FakeServer(single)).url, rateLimit=10)
        publish(alice, 16)
        publish(bob, 30, assetId="asset-1")
        run_engine(kind, running, broker, tmp_path)
        for _ in range(30):  # faster than the rate
            publish(charlie, 1)
            threading.Event().wait(0.06)
        wait_until(lambda: len(backlog.arrived) == 16, "the backlog is delivered")
        wait_until(lambda: len(ordered.arrived) == 30, "the events of one asset are delivered")
        wait_until(lambda: len(single.arrived) == 30, "single events are delivered")
    backlog.assert_rate(4)
    ordered.assert_rate(10)
    single.assert_rate(10)


def test_an_endpoint_that_asked_to_wait_is_sent_nothing_although_others_in_flight_succeed(
    alice: User, tmp_path: Path
) -> None:
    asked_at: list[float] = []
    sent: list[float] = []
    both_arrived = threading.Barrier(2)

    def receive(request: Received) -> Answer:
        sent.append(time.monotonic())
        if len(sent) <= 2:
            both_arrived.wait(30)
            if request.json()["data"]["assetId"] == "asset-0":
                asked_at.append(time.monotonic())
                return 429, {"Retry-After": "3"}, b""
            threading.Event().wait(0.3)  # succeeds after the other has been refused
        return 200, {}, b""

    with FakeServer(receive) as server, deliver(environment(RETRY_SCHEDULE="0,1,1"), tmp_path / "deliver.log"):
        connect_webhook(alice, server.url)
        publish(alice, 20)
        wait_until(lambda: len(sent) == 21, "everything is delivered")
    early = [moment for moment in sorted(sent)[2:] if moment < asked_at[0] + 3 - 0.05]
    assert not early


def test_several_drains_of_one_process_keep_the_rate_together(alice: User) -> None:
    receiver = Clocked()
    with FakeServer(receiver) as server:
        connect_webhook(alice, server.url, rateLimit=10)
        for _ in range(20):
            publish(alice, 1)
            drain()
    receiver.assert_rate(10)
    assert Lane.objects.get().next_at is not None

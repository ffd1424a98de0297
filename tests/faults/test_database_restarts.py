"""PostgreSQL crashes and comes back while deliveries are in flight. On a server of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Broker, Receiver, on_postgresql
from tests.faults.database import Database
from tests.processes import Process, beat, deliver, worker
from tests.waiting import wait_until
from webhooks.engine.lane_in_use import LANE_FIRST_LIMIT
from webhooks.engine.values import LANE_LEASE

pytestmark = on_postgresql

DELIVERIES = 500


def test_a_database_that_is_away_for_longer_than_a_lease_causes_no_second_request(
    database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    before = sum(database.counts().values())
    env = database.environment(DELIVERY_TIMEOUT="60")
    with deliver(env, tmp_path / "first.log") as first, deliver(env, tmp_path / "second.log") as second:
        receiver.answers.clear()
        database.publish(receiver, 20, tmp_path / "publish.log")
        wait_until(lambda: len(receiver.seen) >= LANE_FIRST_LIMIT, "one of them sends")
        database.crash()
        back_at = time.monotonic() + LANE_LEASE.total_seconds() + 1
        wait_until(lambda: time.monotonic() > back_at, "its lease has run out")
        database.start()
        receiver.answers.set()
        wait_until(lambda: database.counts() == {"delivered": before + 20}, "everything is delivered")
        assert first.terminate() == second.terminate() == 0
    assert (len(receiver.seen), receiver.duplicates) == (20, 0)
    assert "database_failed" in first.output()
    assert "database_failed" in second.output()  # the idle one says it too


@pytest.fixture(params=["deliver", "celery"])
def start(request: pytest.FixtureRequest, broker: Broker, database: Database, tmp_path: Path) -> Iterator[Process]:
    """Starts the engine in one of the two ways to run it."""
    if request.param == "deliver":
        with deliver(database.environment(), tmp_path / "worker.log") as process:
            yield process
        return
    broker.start()
    env = database.environment(CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="0.5")
    with worker(env, tmp_path / "worker.log") as process, beat(env, tmp_path / "beat.log", tmp_path / "schedule"):
        yield process


def test_a_database_that_crashes_during_a_batch_costs_no_delivery(
    database: Database, start: Process, receiver: Receiver, tmp_path: Path
) -> None:
    before = sum(database.counts().values())
    receiver.delay = 0.1  # so that a slow test still finds the worker in the middle of a batch

    def everything_is_delivered() -> bool:
        return database.counts() == {"delivered": before + published}

    published = DELIVERIES
    database.publish(receiver, DELIVERIES, tmp_path / "publish.log")
    wait_until(lambda: len(receiver.seen) > 100, "the worker is in mid-batch")
    assert len(receiver.seen) < DELIVERIES
    database.crash()
    database.start()
    wait_until(everything_is_delivered, "everything is delivered")
    assert receiver.duplicates == 0

    # Responses that arrive while the database is down are written when it is back.
    receiver.answers.clear()
    arrived = len(receiver.seen)
    published += 50
    database.publish(receiver, 50, tmp_path / "publish.log")
    wait_until(lambda: len(receiver.seen) > arrived, "the worker sends")
    database.crash()
    receiver.answers.set()
    assert start.process.poll() is None
    database.start()
    wait_until(everything_is_delivered, "everything is delivered")
    assert (len(receiver.seen), receiver.duplicates) == (published, 0)
    assert start.process.poll() is None, start.output()

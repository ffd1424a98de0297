"""Clocks that jump, and workers that sleep through their leases."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from invenicum.accounts.models import User
from tests.factories import connect_webhook
from tests.faults.conftest import Receiver, all_delivered, counts, expire_leases, on_postgresql, publish
from tests.processes import deliver, engine_process, environment
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.engine import postgresql_claim
from webhooks.engine.claim import claim_due, new_worker_mark
from webhooks.engine.values import Claim, ClaimRequest
from webhooks.engine.worker import LANE_CONCURRENCY, Worker
from webhooks.models import Delivery, Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

Status = Delivery.Status
HOUR = timedelta(hours=1)


class Clock:
    """The clock of this process, off by `wrong`."""

    def __init__(self) -> None:
        self.wrong = timedelta()
        self._now = timezone.now

    def __call__(self) -> datetime:
        return self._now() + self.wrong


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def drain(worker: Worker, should_stop: Callable[[], Any] = lambda: False) -> None:
    worker.drain(None, should_stop, lambda: None)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_jumps_during_a_batch_loses_and_repeats_nothing(
    alice: User, receiver: Receiver, worker: Worker, clock: Clock, jump: timedelta
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 300)
    turns: list[None] = []

    def jump_in_mid_batch() -> bool:
        turns.append(None)
        if len(receiver.seen) > 50:
            clock.wrong = jump
        return False

    drain(worker, jump_in_mid_batch)
    drain(worker, jump_in_mid_batch)
    # If the clock went back, nothing more is due yet; what was claimed before has been delivered.
    assert set(counts()) <= {Status.DELIVERED, Status.PENDING}
    assert not Lane.objects.exclude(worker=None).exists()
    clock.wrong = timedelta()
    drain(worker)
    assert counts() == {Status.DELIVERED: 300}
    assert (len(receiver.seen), receiver.duplicates) == (300, 0)


def test_a_clock_that_is_behind_delays_deliveries_without_a_busy_loop(
    alice: User, receiver: Receiver, worker: Worker, clock: Clock
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 10)
    clock.wrong = -HOUR
    turns: list[None] = []
    drain(worker, lambda: turns.append(None))
    assert counts() == {Status.PENDING: 10}
    assert len(turns) < 10


def test_leases_hold_for_and_against_a_worker_whose_clock_is_wrong(
    alice: User, receiver: Receiver, clock: Clock
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 5)
    for first, second in ((timedelta(), HOUR), (HOUR, timedelta()), (timedelta(), -HOUR), (-HOUR, timedelta())):
        Delivery.objects.update(due_at=timezone.now() - 2 * HOUR)
        Lane.objects.update(worker=None, leased_until=None)
        clock.wrong = first
        assert len(claim_all(new_worker_mark()).lanes) == 1
        clock.wrong = second
        assert len(claim_all(new_worker_mark()).lanes) == 0


def test_a_lease_from_before_the_databases_clock_was_set_back_does_not_last(
    alice: User, receiver: Receiver, worker: Worker
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 5)
    claim_all(new_worker_mark())  # by a worker that dies afterwards
    Lane.objects.update(leased_until=timezone.now() + HOUR)
    drain(worker)
    assert counts() == {Status.DELIVERED: 5}


def test_a_worker_that_wakes_after_its_leases_ran_out_leaves_the_rest_to_others(
    alice: User, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.delay = 0.05
    connect_webhook(alice, receiver.url)
    publish(alice, 400)
    with deliver(environment(), tmp_path / "sleeper.log") as sleeper:
        wait_until(lambda: len(receiver.seen) > 20, "the worker is in mid-batch")
        os.kill(engine_process(sleeper), signal.SIGSTOP)  # like a suspended or swapping machine
        expire_leases()
        with deliver(environment(), tmp_path / "other.log"):
            wait_until(lambda: len(receiver.seen) > 100, "another takes over")
            os.kill(engine_process(sleeper), signal.SIGCONT)
            wait_until(all_delivered, "everything is delivered")
            assert sleeper.terminate() == 0
    assert counts() == {Status.DELIVERED: 400}
    assert len(receiver.seen) == 400
    assert receiver.duplicates <= 2 * LANE_CONCURRENCY


def test_a_slow_claim_does_not_read_what_was_delivered_while_it_ran(
    alice: User, receiver: Receiver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 5)
    statement = postgresql_claim.IDLE_CLAIM
    assert statement.sql.count("WHERE (SELECT d.id") == 1
    claims: list[Claim] = []

    def claim_slowly() -> None:
        try:
            claims.append(claim_all(new_worker_mark()))
        finally:
            connection.close()

    slowly = statement.sql.replace("WHERE (SELECT d.id", "WHERE pg_sleep(1) IS NOT NULL AND (SELECT d.id")
    monkeypatch.setattr(postgresql_claim, "IDLE_CLAIM", replace(statement, name="slow_claim", sql=slowly))
    slow = threading.Thread(target=claim_slowly)
    slow.start()
    wait_until(is_asleep, "the slow claim has seen the lane")
    monkeypatch.setattr(postgresql_claim, "IDLE_CLAIM", statement)
    drain(worker)
    assert counts() == {Status.DELIVERED: 5}
    slow.join(WAIT_DEADLINE_SECONDS)
    assert claims[0].deliveries == []


def claim_all(worker: int) -> Claim:
    return claim_due(ClaimRequest(worker, timezone.now(), lanes=9, depth=9))


def is_asleep() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        return cursor.fetchone() is not None

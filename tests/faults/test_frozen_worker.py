"""A worker that is frozen in the middle of a transaction (a suspended machine, a vanished host), and locked rows."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from integrations import services
from invenicum.accounts.models import User
from invenicum.events.publish import publish as publish_one
from tests.factories import connect_webhook
from tests.faults.conftest import Receiver, all_delivered, counts, on_postgresql, publish
from tests.processes import deliver, engine_process, environment
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.engine import claim
from webhooks.engine.claim import claim_due, new_worker_mark
from webhooks.engine.outcomes import record
from webhooks.engine.values import ClaimRequest, LaneState, Outcome
from webhooks.engine.worker import Worker
from webhooks.models import Attempt, Delivery, Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

Status = Delivery.Status
FROZEN = "frozen"  # the name by which PostgreSQL knows the connections of the worker that is stopped


@contextmanager
def writing_slowly() -> Iterator[None]:
    """Keeps the worker named FROZEN for seconds in the statement that ends deliveries and has locked them."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('application_name') = '{FROZEN}' THEN PERFORM pg_sleep(3); END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER dawdle AFTER UPDATE ON webhooks_delivery FOR EACH STATEMENT EXECUTE FUNCTION dawdle()""")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER dawdle ON webhooks_delivery; DROP FUNCTION dawdle()")


def is_writing() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event = 'PgSleep'", [FROZEN]
        )
        return cursor.fetchone() is not None


def many_users(count: int) -> list[User]:
    return [User.objects.create_user(f"user-{number}") for number in range(count)]


def drain(worker: Worker) -> None:
    worker.drain(None, lambda: False, lambda: None)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def test_a_worker_that_is_frozen_within_a_transaction_stops_no_other(
    alice: User, receiver: Receiver, tmp_path: Path
) -> None:
    frozen_owners = many_users(30)
    for owner in (alice, *frozen_owners):
        connect_webhook(owner, receiver.url)
    for owner in frozen_owners:
        publish(owner, 1)
    with writing_slowly(), deliver(environment(PGAPPNAME=FROZEN), tmp_path / "frozen.log") as frozen:
        wait_until(is_writing, "the worker is in the middle of its transaction")
        engine = engine_process(frozen)
        os.kill(engine, signal.SIGSTOP)
        try:
            sent = len(receiver.seen)
            with deliver(environment(), tmp_path / "other.log"):
                publish(alice, 1)
                wait_until(lambda: len(receiver.seen) > sent, "a neighbour is served")
                for owner in frozen_owners:
                    publish_one(owner, "asset.created", {"assetId": "second"})
                wait_until(all_delivered, "everything is delivered while the worker is frozen")
                os.kill(engine, signal.SIGCONT)
                publish(alice, 10)
                wait_until(all_delivered, "everything is delivered")
                assert frozen.terminate() == 0, frozen.output()
        finally:
            with suppress(ProcessLookupError):
                os.kill(engine, signal.SIGCONT)
    assert counts() == {Status.DELIVERED: 71}
    assert receiver.duplicates <= 30
    assert not Lane.objects.exclude(worker=None).exists()


def test_a_delivery_whose_row_is_locked_delays_no_other(
    alice: User, bob: User, receiver: Receiver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in (alice, bob):
        connect_webhook(owner, receiver.url)
        publish(owner, 20)
    locked = Delivery.objects.filter(owner=alice).earliest("id")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM webhooks_delivery WHERE id = %s FOR UPDATE", [locked.pk])
            drain(worker)
            assert counts() == {Status.DELIVERED: 39, Status.PENDING: 1}
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    monkeypatch.setattr("webhooks.engine.pending_writes.REFUSED_RETRY_SECONDS", 0)
    drain(worker)
    assert counts() == {Status.DELIVERED: 40}
    assert receiver.duplicates == 0


def test_a_worker_that_lost_a_lane_changes_neither_its_hold_nor_the_next_attempt(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 2)
    late, current = new_worker_mark(), new_worker_mark()
    first, second = claim_due(ClaimRequest(late, timezone.now(), lanes=9, depth=9)).deliveries
    held_until = timezone.now() + timedelta(hours=1)
    Lane.objects.update(worker=current, failures=12, held_until=held_until)

    def outcome(delivery: str, status: Status, error: str) -> Outcome:
        return Outcome(
            delivery, first.integration_id, status, None, error, timezone.now(), 1, None, "http" if error else "", ""
        )

    outcomes = [outcome(first.id, Status.FAILED, "refused"), outcome(second.id, Status.DELIVERED, "")]
    states = {first.integration_id: LaneState(failures=0)}
    assert record(late, outcomes, states, [first.integration_id], timezone.now()) == []
    lane = Lane.objects.get()
    assert (lane.worker, lane.failures, lane.held_until) == (current, 12, held_until)
    # What arrived has arrived; a failure is for the worker to judge that has the lane now.
    assert Delivery.objects.get(pk=second.id).status == Status.DELIVERED
    assert Delivery.objects.get(pk=first.id).status == Status.PENDING
    assert Attempt.objects.count() == 2
    record(current, outcomes[:1], states, [first.integration_id], timezone.now())
    assert Delivery.objects.get(pk=first.id).status == Status.FAILED
    assert Lane.objects.get().worker is None


def test_an_integration_that_is_resumed_between_claim_and_suspension_keeps_its_deliveries_due(
    alice: User, receiver: Receiver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 3)
    services.set_active(alice, "webhook", False)
    Delivery.objects.update(due_at=timezone.now())  # claimed before the pause was committed
    suspend = claim.suspend

    def resume_and_suspend(deliveries: list[str]) -> None:
        services.set_active(alice, "webhook", True)
        suspend(deliveries)

    monkeypatch.setattr(claim, "suspend", resume_and_suspend)
    drain(worker)
    drain(worker)
    assert counts() == {Status.DELIVERED: 3}


def test_a_resumption_that_is_under_way_at_a_suspension_strands_no_delivery(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 1)
    services.set_active(alice, "webhook", False)
    delivery = Delivery.objects.get()
    Delivery.objects.update(due_at=timezone.now())

    def suspend() -> None:
        claim.suspend([str(delivery.pk)])
        connection.close()

    with transaction.atomic():
        services.set_active(alice, "webhook", True)
        other = threading.Thread(target=suspend)
        other.start()
        other.join(WAIT_DEADLINE_SECONDS)
        assert not other.is_alive()
    delivery.refresh_from_db()
    assert delivery.due_at is not None

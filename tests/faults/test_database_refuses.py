"""A database that refuses to store the outcome of one delivery, or of all for a while."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish as publish_one
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from tests.faults.conftest import Receiver, counts, on_postgresql, publish
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.engine import worker as worker_module
from webhooks.engine.lane_in_use import LANE_FIRST_LIMIT
from webhooks.engine.worker import LANE_CONCURRENCY, Worker
from webhooks.models import Attempt, Delivery, Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

Status = Delivery.Status


@contextmanager
def refusing(table: str, operation: str, condition: str, sqlstate: str) -> Iterator[None]:
    """Makes writes to `table` that meet `condition` fail, as with a broken disk or index."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {condition} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}'; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()""")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER refuse ON {table}; DROP FUNCTION refuse()")


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def drain(worker: Worker, should_stop: Any = lambda: False) -> None:
    worker.drain(None, should_stop, lambda: None)


def drain_in_a_thread(worker: Worker, should_stop: Any) -> None:
    try:
        drain(worker, should_stop)
    finally:
        connection.close()


def test_an_outcome_that_cannot_be_written_causes_no_other_delivery_to_be_sent_twice(
    alice: User, receiver: Receiver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 100)
    poisoned = Delivery.objects.order_by("id")[40]
    with refusing("webhooks_delivery", "UPDATE", f"OLD.id = '{poisoned.id}' AND NEW.status <> 'pending'", "23514"):
        for _ in range(5):
            drain(worker)
        assert counts() == {Status.DELIVERED: 99, Status.PENDING: 1}
        assert receiver.duplicates == 0
        assert not Lane.objects.exclude(worker=None).exists()  # and it blocks no lane
        publish(alice, 10)
        drain(worker)
        assert counts() == {Status.DELIVERED: 109, Status.PENDING: 1}
    monkeypatch.setattr("webhooks.engine.pending_writes.REFUSED_RETRY_SECONDS", 0)
    drain(worker)
    assert counts() == {Status.DELIVERED: 110}
    assert receiver.duplicates == 0
    assert Attempt.objects.count() == 110


def test_a_delivery_whose_outcome_was_never_written_is_sent_again_by_the_next_worker(
    alice: User, receiver: Receiver
) -> None:
    connect_webhook(alice, receiver.url)
    publish(alice, 20)
    poisoned = Delivery.objects.order_by("id")[7]
    first, second = Worker(), Worker()
    with refusing("webhooks_delivery", "UPDATE", f"OLD.id = '{poisoned.id}' AND NEW.status <> 'pending'", "23514"):
        drain(first)
        drain(second)
        drain(second)
    assert receiver.duplicates == 1  # at least once, and at most once by each worker
    drain(Worker())
    assert counts() == {Status.DELIVERED: 20}


@pytest.mark.parametrize("said", [b'{"error": "no\\u0000thing"}', b'{"error": "half of a \\ud83e"}', b"\0\xff\xfe"])
def test_any_response_of_an_endpoint_can_be_stored(alice: User, settings: Any, said: bytes) -> None:
    settings.RETRY_SCHEDULE = (0, 60)
    with FakeServer(lambda request: (500, {"Content-Type": "application/json"}, said)) as server:
        settings.PROVIDER_ENDPOINTS = {"mixpanel": {"apiUrl": server.url}}
        save_integration(alice, "mixpanel", {"projectToken": "0123456789abcdef0123456789abcdef"})
        connect_webhook(alice, server.url)
        publish_one(alice, "asset.created", {"assetId": "a"})
        drain(Worker())
    assert list(Delivery.objects.values_list("status", "attempt_count")) == [(Status.PENDING, 1)] * 2


def test_deleting_an_owner_with_deliveries_in_flight_affects_no_other_owner(
    alice: User, bob: User, receiver: Receiver, worker: Worker
) -> None:
    connect_webhook(alice, receiver.url)
    connect_webhook(bob, receiver.url)
    publish(alice, 5)
    publish(bob, 50)
    receiver.answers.clear()

    def delete_alice() -> bool:
        if len(receiver.seen) >= 2 * LANE_FIRST_LIMIT and not receiver.answers.is_set():
            alice.delete()
            receiver.answers.set()
        return False

    drain(worker, should_stop=delete_alice)
    assert counts() == {Status.DELIVERED: 50}
    assert receiver.duplicates == 0


def test_a_full_disk_stops_the_sending_and_loses_nothing(
    alice: User, receiver: Receiver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "DATABASE_RETRY_SECONDS", 0.2)
    connect_webhook(alice, receiver.url)
    publish(alice, 300)
    turns: list[None] = []
    with refusing("webhooks_attempt", "INSERT", "true", "53100"):
        draining = threading.Thread(target=drain_in_a_thread, args=(worker, lambda: turns.append(None)))
        draining.start()
        wait_until(lambda: receiver.seen, "the first are sent")
        before, began = len(turns), time.monotonic()
        draining.join(1.5)
        assert draining.is_alive()
        assert len(turns) - before < 100 * (time.monotonic() - began)  # it waits without a busy loop
        assert counts() == {Status.PENDING: 300}
        assert 0 < sum(receiver.seen.values()) <= LANE_CONCURRENCY
    draining.join(WAIT_DEADLINE_SECONDS)
    assert counts() == {Status.DELIVERED: 300}
    assert receiver.duplicates == 0

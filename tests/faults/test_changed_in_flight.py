"""Integrations that are changed while their deliveries are in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from standardwebhooks import Webhook as StandardWebhook

from integrations import services
from invenicum.accounts.models import User
from tests.factories import SECRET, connect_webhook
from tests.fakes.http_server import FakeServer
from tests.faults.conftest import Receiver, counts, publish
from webhooks.engine import worker as worker_module
from webhooks.engine.worker import LANE_CONCURRENCY, Worker
from webhooks.models import Attempt, Delivery

pytestmark = pytest.mark.django_db(transaction=True)

Status = Delivery.Status
PUBLISHED = 60
OTHER_SECRET = "whsec_" + "YW5vdGhlci1zZWNyZXQtb2YtMzItYnl0ZXMtbG9uZw=="


@pytest.fixture
def drain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Drains, and calls `act` when the receiver has a request that it has not answered yet."""
    monkeypatch.setattr(worker_module, "LEASE_RENEWAL_SECONDS", 0)
    worker = Worker()

    def drain(receiver: Receiver | None = None, act: Callable[[], object] = lambda: None) -> None:
        def act_once() -> bool:
            if receiver and receiver.seen and not receiver.answers.is_set():
                act()
                receiver.answers.set()
            return False

        worker.drain(None, act_once, lambda: None)

    yield drain
    worker.close()


def test_pending_deliveries_are_cancelled_when_the_integration_is_deleted(
    alice: User, bob: User, receiver: Receiver, drain: Callable[..., None]
) -> None:
    connect_webhook(alice, receiver.url)
    receiver.answers.clear()
    publish(alice, PUBLISHED)
    drain(receiver, lambda: services.delete_integration(alice, "webhook"))
    assert counts() == {Status.CANCELLED: PUBLISHED}
    assert 0 < len(receiver.seen) <= LANE_CONCURRENCY  # what was in flight
    assert Attempt.objects.count() == len(receiver.seen)

    connect_webhook(alice, receiver.url)
    connect_webhook(bob, receiver.url)
    publish(alice, 1)
    publish(bob, 1)
    drain()
    assert counts() == {Status.CANCELLED: PUBLISHED, Status.DELIVERED: 2}


def test_pending_deliveries_wait_while_the_integration_is_paused(
    alice: User, receiver: Receiver, drain: Callable[..., None]
) -> None:
    connect_webhook(alice, receiver.url)
    receiver.answers.clear()
    publish(alice, PUBLISHED)
    drain(receiver, lambda: services.set_active(alice, "webhook", False))
    in_flight = len(receiver.seen)
    assert 0 < in_flight <= LANE_CONCURRENCY
    drain()
    assert counts() == {Status.DELIVERED: in_flight, Status.PENDING: PUBLISHED - in_flight}
    services.set_active(alice, "webhook", True)
    drain()
    assert counts() == {Status.DELIVERED: PUBLISHED}
    assert (len(receiver.seen), receiver.duplicates) == (PUBLISHED, 0)


def test_a_failure_in_flight_does_not_resume_a_paused_integration(
    alice: User, receiver: Receiver, drain: Callable[..., None]
) -> None:
    connect_webhook(alice, receiver.url)
    receiver.answers.clear()
    receiver.answer = (503, {}, b"")
    publish(alice, PUBLISHED)
    drain(receiver, lambda: services.set_active(alice, "webhook", False))
    assert not Delivery.objects.exclude(status=Status.PENDING, due_at=None).exists()


def test_pending_deliveries_go_to_the_new_address_with_the_new_secret(
    alice: User, receiver: Receiver, drain: Callable[..., None]
) -> None:
    moved = Receiver()
    with FakeServer(receiver) as old, FakeServer(moved) as new:
        connect_webhook(alice, old.url)
        receiver.answers.clear()
        publish(alice, PUBLISHED)
        drain(
            receiver,
            lambda: services.save_integration(alice, "webhook", {"url": new.url, "secret": OTHER_SECRET}),
        )
    assert counts() == {Status.DELIVERED: PUBLISHED}
    assert 0 < len(receiver.seen) <= LANE_CONCURRENCY
    assert not set(receiver.seen) & set(moved.seen)
    assert len(receiver.seen) + len(moved.seen) == PUBLISHED
    assert (receiver.duplicates, moved.duplicates) == (0, 0)
    for server, secret in ((old, SECRET), (new, OTHER_SECRET)):
        for request in server.requests:
            StandardWebhook(secret).verify(request.body, dict(request.headers))

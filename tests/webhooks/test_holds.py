"""An operator holds a type while its service is down, and releases it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks import holds
from webhooks.engine.heartbeat import progress
from webhooks.engine.metrics import read_queue
from webhooks.engine.worker import Worker
from webhooks.models import Delivery, Lane, TypeHold

pytestmark = pytest.mark.django_db


def drain() -> None:
    worker = Worker()
    worker.drain(None, lambda: False, lambda: None)
    worker.close()


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("status", flat=True))


def test_nothing_is_sent_while_a_type_is_held_and_everything_after_it(alice: User, bob: User, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 3600)
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        assert holds.hold("webhook", alice) == 1
        connect_webhook(bob, server.url)  # saved during the hold
        for owner in (alice, bob):
            publish(owner, "asset.created", {"assetId": "a"})
        drain()
        assert statuses() == ["pending", "pending"]
        assert not server.requests
        assert holds.release("webhook") == 0
        drain()
        assert statuses() == ["delivered", "delivered"]
    assert not TypeHold.objects.exists()


def test_other_types_go_on(alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        holds.hold("slack", None)
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
    assert statuses() == ["delivered"]


def test_a_worker_loses_the_lanes_of_a_held_type(alice: User) -> None:
    connect_webhook(alice)
    Lane.objects.update(worker=7, leased_until=timezone.now() + timedelta(minutes=1))
    holds.hold("webhook", None)
    lane = Lane.objects.get()
    assert (lane.worker, lane.leased_until, lane.on_hold) == (None, None, True)


def test_a_release_closes_circuits_and_makes_due_what_waits_for_its_next_try(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    later = timezone.now() + timedelta(hours=5)
    Delivery.objects.update(due_at=later, attempt_count=5)
    holds.hold("webhook", None)
    Lane.objects.update(**OPEN_CIRCUIT, held_until=later)
    assert holds.release("webhook") == 1
    due_at, lane = Delivery.objects.get().due_at, Lane.objects.get()
    assert due_at
    assert due_at <= timezone.now()
    assert (lane.failures, lane.openings, lane.held_until) == (0, 0, None)


def test_what_is_held_counts_as_held_and_the_engine_does_not_seem_to_stand_still(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    assert progress().due_since
    holds.hold("webhook", None)
    queue = read_queue(timezone.now())
    assert (queue.due, queue.held, queue.oldest_seconds) == (0, 1, 0)
    assert progress().due_since is None


def test_a_second_hold_keeps_the_time_and_the_operator_of_the_first(alice: User, bob: User) -> None:
    holds.hold("slack", alice)
    since = TypeHold.objects.get().since
    holds.hold("slack", bob)
    assert (TypeHold.objects.get().since, TypeHold.objects.get().by) == (since, alice)

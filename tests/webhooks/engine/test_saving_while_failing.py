"""Saving an integration that fails: the same target again changes nothing, another one is tried once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations import services
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.worker import drain
from webhooks.models import Attempt, Delivery, Lane


@pytest.fixture
def held(alice: User) -> Lane:
    """Alice's integration, whose circuit is open for another minute."""
    integration = connect_webhook(alice, "http://no-such-host.invalid/hook", rateLimit=100)
    publish_many([Draft(alice, "asset.created", {"assetId": str(n)}) for n in range(5)])
    until = timezone.now() + timedelta(minutes=1)
    Lane.objects.update(**OPEN_CIRCUIT, held_until=until)
    Integration.objects.update(failing_since=timezone.now() - timedelta(days=1))
    return Lane.objects.get(integration=integration)


@pytest.mark.parametrize("change", [{}, {"rateLimit": 50}, {"ordered": True}])
def test_saving_the_same_target_again_keeps_the_lane_held(alice: User, held: Lane, change: dict[str, Any]) -> None:
    for _ in range(3):
        connect_webhook(alice, "http://no-such-host.invalid/hook", **change)
        drain()
    assert not Attempt.objects.exists()
    lane = Lane.objects.get()
    assert (lane.failures, lane.held_until) == (held.failures, held.held_until)
    assert Integration.objects.get().failing_since is not None


def test_another_address_that_fails_too_is_tried_once(alice: User, held: Lane) -> None:
    with FakeServer(lambda request: (500, {}, b"")) as server:
        connect_webhook(alice, server.url)
        drain()
        drain()
    assert len(server.requests) == 1
    lane = Lane.objects.get()
    assert lane.failures == 11
    assert lane.held_until is not None
    assert lane.held_until > timezone.now()


def test_another_address_that_works_gets_everything(alice: User, held: Lane) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        drain()
    assert len(server.requests) == 5
    assert Lane.objects.get().failures == 0


def test_what_another_address_refused_is_sent_at_once_to_the_new_one(alice: User) -> None:
    with FakeServer(lambda request: (500, {}, b"")) as broken:
        connect_webhook(alice, broken.url)
        publish_many([Draft(alice, "asset.created", {"assetId": "asset-1"})])
        drain()
    Delivery.objects.update(due_at=timezone.now() + timedelta(minutes=5))
    with FakeServer(lambda request: (200, {}, b"")) as repaired:
        connect_webhook(alice, repaired.url)
        drain()
    assert len(repaired.requests) == 1


def test_resuming_tries_once(alice: User, held: Lane) -> None:
    services.set_active(alice, "webhook", False)
    services.set_active(alice, "webhook", True)
    drain()
    assert Attempt.objects.count() == 1


def test_a_name_that_does_not_resolve_is_looked_up_once_however_much_is_due(alice: User) -> None:
    connect_webhook(alice, "http://no-such-host.invalid/hook")
    publish_many([Draft(alice, "asset.created", {"assetId": str(n)}) for n in range(50)])
    drain()
    drain()
    assert Attempt.objects.count() <= 2  # as many as are in flight at first
    assert set(Attempt.objects.values_list("error_class", flat=True)) == {"dns"}

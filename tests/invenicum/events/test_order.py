"""The order of events is the database's, whatever the clocks of the servers that write them say."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from invenicum.accounts.models import User
from invenicum.assets.services import change_asset, create_asset
from invenicum.events.feed import feed
from invenicum.events.models import Event
from invenicum.events.publish import Draft, publish, publish_many
from tests.factories import connect_webhook
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.engine.claim import claim_due, new_worker_mark
from webhooks.engine.values import ClaimRequest
from webhooks.event_status import outcomes_of
from webhooks.models import Delivery, Lane

pytestmark = pytest.mark.django_db(transaction=True)

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite writers take turns")


class Server:
    """A web server whose clock is off by `wrong`: a thread with a database connection of its own."""

    def __init__(self, wrong: timedelta, monkeypatch: pytest.MonkeyPatch):
        self.wrong = wrong
        self._monkeypatch = monkeypatch

    def run(self, act: Callable[[], Any]) -> None:
        thread = threading.Thread(target=self._run, args=(act,))
        with self._monkeypatch.context() as patch:
            patch.setattr(Delivery._meta.pk, "_get_default", self._id)
            for module in ("invenicum.events.publish", "webhooks.engine.postgresql"):
                patch.setattr(f"{module}.uuid7", self._id)
            thread.start()
            thread.join(WAIT_DEADLINE_SECONDS)

    def _run(self, act: Callable[[], Any]) -> None:
        try:
            act()
        finally:
            connection.close()

    def _id(self) -> uuid.UUID:
        return uuid.UUID(int=uuid7().int + (self.wrong // timedelta(milliseconds=1) << 80))


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Two whose clocks are a minute apart: more than a slow machine takes between two events."""
    return [Server(timedelta(minutes=1), monkeypatch), Server(timedelta(), monkeypatch)]


def published(owner: User) -> list[Event]:
    """The feed of a user as soon as it shows all events."""
    count = Event.objects.filter(owner=owner).count()
    wait_until(lambda: len(feed(owner, None, 100)[0]) == count, "the feed shows every event")
    return feed(owner, None, 100)[0]


def numbers(owner: User) -> list[int]:
    return [event.payload["data"]["n"] for event in published(owner)]


def deliver_first() -> Iterator[int]:
    """The numbers of the deliveries in the order in which a worker may send them, one at a time."""
    while True:
        Lane.objects.update(worker=None, leased_until=None)
        request = ClaimRequest(new_worker_mark(), timezone.now() + timedelta(seconds=1), lanes=1, depth=10)
        deliveries = claim_due(request).deliveries
        if not deliveries:
            return
        assert len(deliveries) == 1  # the others wait for it
        yield deliveries[0].message.data["n"]
        Delivery.objects.filter(pk=deliveries[0].id).update(status=Delivery.Status.DELIVERED, due_at=None)


def test_two_servers_with_different_clocks_keep_the_order_of_an_asset(alice: User, servers: list[Server]) -> None:
    connect_webhook(alice, ordered=True)
    for number in range(40):
        servers[number % 2].run(partial(publish, alice, "asset.updated", {"assetId": "asset-1", "n": number}))
    ids = list(Event.objects.order_by("id").values_list("id", flat=True))
    assert ids != list(Event.objects.order_by("position", "sequence").values_list("id", flat=True))
    assert numbers(alice) == list(range(40))
    assert list(deliver_first()) == list(range(40))


def test_a_batch_keeps_its_order_on_a_server_whose_clock_goes_back(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, ordered=True)
    ids = [uuid.UUID(int=uuid7().int - number) for number in range(5)]
    remaining = iter(ids)
    monkeypatch.setattr("invenicum.events.publish.uuid7", lambda: next(remaining))
    events = publish_many([Draft(alice, "asset.updated", {"assetId": "asset-1", "n": number}) for number in range(5)])
    assert [event.pk for event in events] == ids
    assert numbers(alice) == list(range(5))
    assert list(deliver_first()) == list(range(5))


def test_the_status_of_an_event_says_that_it_waits_for_the_one_before(alice: User, servers: list[Server]) -> None:
    connect_webhook(alice, ordered=True)
    for number, server in enumerate(servers):
        server.run(partial(publish, alice, "asset.updated", {"assetId": "asset-1", "n": number}))
    first, second = Event.objects.order_by("position", "sequence")
    assert "earlier event" not in outcomes_of(first)[0].reason
    assert "earlier event" in outcomes_of(second)[0].reason


@on_postgresql
def test_a_transaction_that_began_first_and_waited_for_the_asset_publishes_last(alice: User) -> None:
    connect_webhook(alice, ordered=True)
    create_asset(alice, {"asset_id": "asset-1", "name": "0"})
    has_begun, may_go_on = threading.Event(), threading.Event()

    def slow_writer() -> None:
        with transaction.atomic():
            create_asset(alice, {"asset_id": "asset-2", "name": "other"})  # gives the transaction its id
            has_begun.set()
            may_go_on.wait(WAIT_DEADLINE_SECONDS)
            change_asset(alice, "asset-1", {"name": "2"})
        connection.close()

    thread = threading.Thread(target=slow_writer)
    thread.start()
    assert has_begun.wait(WAIT_DEADLINE_SECONDS)
    change_asset(alice, "asset-1", {"name": "1"})
    may_go_on.set()
    thread.join(WAIT_DEADLINE_SECONDS)
    waiting = Delivery.objects.filter(order_key="asset-1").order_by("sequence").select_related("event")
    in_feed = [event for event in published(alice) if event.subject == "asset-1"]
    for events in (in_feed, [delivery.event for delivery in waiting]):
        assert [event.document["name"] for event in events if event.document] == ["0", "1", "2"]


@on_postgresql
def test_the_last_event_of_a_quiet_server_is_in_the_feed_at_once(alice: User) -> None:
    """Its place is no higher than that of a transaction that has ended, or its own."""
    create_asset(alice, {"asset_id": "asset-1", "name": "0"})
    assert len(published(alice)) == 1

"""`GET /events`: the feed that a receiver catches up from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from invenicum.accounts.models import User
from invenicum.events.feed import feed
from invenicum.events.models import Event
from invenicum.events.publish import publish
from tests.api_client import Api
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.retention import prune

Settled = Callable[[User], None]


def ids(response: Any) -> list[int]:
    return [event["data"]["n"] for event in response.json()["data"]]


# The feed stops before the oldest open transaction, so the tests must commit. Tests that run in parallel on the same
# server can also hold it back: wait until all events are there, as a receiver does.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def settled() -> Callable[[User], None]:
    """Waits until the feed of a user shows everything."""

    def wait(owner: User) -> None:
        count = Event.objects.filter(owner=owner).count()
        wait_until(lambda: len(feed(owner, None, 100)[0]) == count, "the feed shows every event")

    return wait


def test_the_feed_has_the_owners_events_in_order(api: Api, alice: User, settled: Settled, bob: User) -> None:
    for number in range(3):
        publish(alice, "asset.created", {"n": number})
        publish(bob, "asset.created", {"n": 10 + number})
    settled(alice)
    response = api(alice).get("/api/v1/events")
    assert ids(response) == [0, 1, 2]
    assert response.json()["next"] is None
    first = response.json()["data"][0]
    assert set(first) == {"id", "event", "timestamp", "data", "createdAt"}


def test_a_receiver_continues_after_the_last_event_it_saw(api: Api, alice: User, settled: Settled) -> None:
    events = [publish(alice, "asset.created", {"n": number}) for number in range(3)]
    settled(alice)
    client = api(alice)
    assert ids(client.get(f"/events?after={events[0].public_id}")) == [1, 2]
    assert ids(client.get(f"/events?after={events[2].public_id}")) == []


def test_the_feed_has_pages(api: Api, alice: User, settled: Settled) -> None:
    for number in range(5):
        publish(alice, "asset.created", {"n": number})
    settled(alice)
    client, address = api(alice), "/events?limit=2"
    seen: list[int] = []
    while address:
        page = client.get(address)
        seen += ids(page)
        address = page.json()["next"]
    assert seen == [0, 1, 2, 3, 4]


def test_after_a_pruned_event_the_feed_starts_at_the_beginning(api: Api, alice: User, settled: Settled) -> None:
    old = publish(alice, "asset.created", {"n": 0})
    new = publish(alice, "asset.created", {"n": 1})
    assert prune(new.created_at) == 1
    settled(alice)
    assert ids(api(alice).get(f"/events?after={old.public_id}")) == [1]


@pytest.mark.parametrize("after", ["nonsense", "dlv_" + "0" * 32, "evt_" + "f" * 32])
def test_an_invalid_event_id_is_refused(api: Api, alice: User, settled: Settled, after: str) -> None:
    publish(alice, "asset.created", {"n": 0})
    settled(alice)
    response = api(alice).get(f"/events?after={after}")
    assert (response.status_code, set(response.json()["details"])) == (400, {"after"})


def test_an_event_of_another_user_is_refused(api: Api, alice: User, settled: Settled, charlie: User) -> None:
    publish(charlie, "asset.created", {"n": 0})
    event = publish(alice, "asset.created", {"n": 1})
    settled(charlie)
    assert api(charlie).get(f"/events?after={event.public_id}").status_code == 400


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite writers take turns")
def test_an_event_whose_transaction_ends_late_is_not_missed(api: Api, alice: User, settled: Settled) -> None:
    written, may_commit = threading.Event(), threading.Event()

    def slow_writer() -> None:
        with transaction.atomic():
            publish(alice, "asset.created", {"n": 0})
            written.set()
            may_commit.wait(WAIT_DEADLINE_SECONDS)
        connection.close()

    thread = threading.Thread(target=slow_writer)
    thread.start()
    written.wait(WAIT_DEADLINE_SECONDS)
    publish(alice, "asset.created", {"n": 1})  # later, but committed first
    client = api(alice)
    assert ids(client.get("/events")) == []
    may_commit.set()
    thread.join(WAIT_DEADLINE_SECONDS)
    settled(alice)
    assert ids(client.get("/events")) == [0, 1]

"""Positions that another PostgreSQL server has given."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import F

from invenicum.accounts.models import User
from invenicum.events import renumbering
from invenicum.events.feed import feed
from invenicum.events.models import Event, FeedServer
from invenicum.events.publish import publish
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite all positions are 0"),
]

FOREIGN = 10**15  # more than a server of tests has transactions


def move() -> None:
    """The data comes from another server, where it was written long after the last move."""
    Event.objects.update(position=F("position") + FOREIGN)
    FeedServer.objects.update(identifier=1)


def numbers(owner: User) -> list[int]:
    return [event.payload["data"]["n"] for event in feed(owner, None, 100)[0]]


def shows(owner: User, expected: list[int]) -> None:
    wait_until(lambda: len(numbers(owner)) == len(expected), "the feed shows every event")
    assert numbers(owner) == expected


def test_a_database_that_is_moved_twice_keeps_its_feed_and_every_place_in_it(alice: User) -> None:
    last = [publish(alice, "report.ready", {"n": number}) for number in range(3)][-1]
    for moves in range(1, 3):
        move()
        assert numbers(alice) == []  # this is what the renumbering is for
        renumbering.renumber_if_moved(connection)
        shows(alice, list(range(2 + moves)))
        publish(alice, "report.ready", {"n": 2 + moves})
        shows(alice, list(range(3 + moves)))
        assert [event.payload["data"]["n"] for event in feed(alice, last.pk, 100)[0]] == list(range(3, 3 + moves))


def test_positions_that_this_server_has_reached_are_left_alone(alice: User) -> None:
    """As after `pg_upgrade`, which changes the server's identifier and keeps its transaction ids."""
    publish(alice, "report.ready", {"n": 0})
    before = Event.objects.get().position
    FeedServer.objects.update(identifier=1)
    renumbering.renumber_if_moved(connection)
    assert Event.objects.get().position == before
    assert FeedServer.objects.get().identifier != 1


def test_a_new_connection_notices_the_move(alice: User) -> None:
    publish(alice, "report.ready", {"n": 0})
    move()
    connection.close()
    shows(alice, [0])

"""Finding and counting missed events: what is read is a range of an index, whatever else there is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.ranges import events_after
from invenicum.ids import first_id_at
from tests.factories import connect_webhook
from tests.webhooks.backfilling import miss, publish
from webhooks import missed
from webhooks.models import Delivery

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="its plans are PostgreSQL's")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def rows_read(statement: str) -> dict[str, int]:
    """How many rows a statement takes from each table or its indexes, as PostgreSQL carries it out."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        [[[explained]]] = cursor.fetchall()
    found: dict[str, int] = {}
    for node in nodes(explained["Plan"]):
        if "Relation Name" in node:
            rows = node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
            found[node["Relation Name"]] = found.get(node["Relation Name"], 0) + round(rows)
    return found


@on_postgresql
def test_a_page_reads_as_many_events_as_it_has(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        connect_webhook(owner)
        publish(owner, 3000)
    integration = connect_webhook(alice)
    miss(alice, 1000, first=3000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    middle = Event.objects.filter(owner=alice).order_by("position", "sequence")[2000]
    with CaptureQueriesContext(connection) as captured:
        page = missed.page(integration, BEGINNING, timezone.now(), middle.pk, 100)
    assert (len(page.events), page.is_last) == (0, False)
    for query in captured.captured_queries:
        read = rows_read(query["sql"])
        assert read.get("events_event", 0) <= 101
        assert read.get("webhooks_delivery", 0) <= 101


@on_postgresql
def test_counting_reads_each_event_of_the_range_and_its_deliveries_once(alice: User, bob: User) -> None:
    connect_webhook(alice)
    publish(alice, 2000)
    publish(bob, 10_000)
    integration = connect_webhook(alice)
    miss(alice, 500, first=2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        assert missed.count(integration, BEGINNING, timezone.now()) == (500, True)
    read = [rows_read(query["sql"]) for query in captured.captured_queries]
    # PostgreSQL before 18 rounds the rows of each of 2,500 lookups, 500 of which find none, to one.
    deliveries = 2000 if connection.connection.info.server_version >= 180_000 else 2500
    assert sum(rows.get("webhooks_delivery", 0) for rows in read) <= deliveries
    # Of these, two reads skip what one page has: they find its last event.
    assert sum(rows.get("events_event", 0) for rows in read) <= 2 * 2500 + 1


def test_counting_goes_on_page_by_page_and_can_be_given_up(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "COUNT_PAGE_EVENTS", 4)
    integration = connect_webhook(alice)
    publish(alice, 5)
    miss(alice, 10, first=5)
    assert missed.count(integration, BEGINNING, timezone.now()) == (10, True)
    assert missed.count(integration, BEGINNING, timezone.now(), max_events=8) == (3, False)
    assert missed.count(integration, BEGINNING, timezone.now(), max_seconds=0.0) == (0, False)


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_all_of_a_range_are_counted_whatever_its_length(
    alice: User, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "COUNT_PAGE_EVENTS", 4)
    integration = connect_webhook(alice)
    miss(alice, count)
    assert missed.count(integration, BEGINNING, timezone.now()) == (count, True)


def test_events_follow_one_that_exists_or_one_that_is_gone(alice: User, bob: User) -> None:
    def ids(rows: QuerySet[Event]) -> list[Any]:
        return list(rows.values_list("pk", flat=True))

    events = publish(alice, 3)
    publish(bob, 1)
    assert ids(events_after(alice.pk, events[0].pk)) == [event.pk for event in events[1:]]
    Event.objects.filter(pk=events[0].pk).delete()
    assert ids(events_after(alice.pk, events[0].pk)) == [event.pk for event in events[1:]]
    assert ids(events_after(alice.pk, first_id_at(timezone.now() + timedelta(hours=1)))) == []
    assert ids(events_after(alice.pk, first_id_at(BEGINNING))) == [event.pk for event in events[1:]]


def test_what_was_missed_is_told_since_the_last_stop_only(alice: User) -> None:
    integration = connect_webhook(alice)
    assert missed.missed_until_now(integration).since is None
    miss(alice, 2)
    integration.refresh_from_db()
    found = missed.missed_until_now(integration)
    first_stop = found.since
    assert found.count == 2
    miss(alice, 3, first=2)
    found = missed.missed_until_now(integration)
    assert found.count == 3
    assert first_stop is not None
    assert found.since is not None
    assert found.since > first_stop
    assert not Delivery.objects.exists()

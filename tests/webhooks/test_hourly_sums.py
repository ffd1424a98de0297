"""Hourly sums: what the engine adds to them, what is read of them, and how long they are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.accounts.services import remove
from invenicum.events.publish import publish
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks import retention
from webhooks.engine.database import statements
from webhooks.engine.heartbeat import Heartbeat
from webhooks.engine.values import SUM_BOUNDS_MS, SUM_COLUMNS
from webhooks.engine.worker import Worker
from webhooks.hourly_sums import Sum, last_hours, together
from webhooks.models import Attempt, HourlySum

NOW = datetime(2026, 3, 7, 14, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp()) // 3600


def counts(failed: int = 0, **durations: int) -> list[int]:
    return [{"failed": failed, **durations}.get(name, 0) for name in SUM_COLUMNS]


def in_hours(*parts: int) -> Sum:
    return Sum(NOW, 0, [*parts, *[0] * (len(SUM_BOUNDS_MS) + 1 - len(parts))])


def work() -> None:
    """A worker drains, and its process ends."""
    heartbeat = Heartbeat()
    worker = Worker(heartbeat)
    worker.drain(None, lambda: False, lambda: None)
    worker.close()
    heartbeat.write(has_ended=True)


def test_the_columns_are_those_of_the_table() -> None:
    fields = [field.attname for field in HourlySum._meta.concrete_fields]
    assert fields == ["integration_id", "hour", *SUM_COLUMNS]


def test_a_worker_sums_up_its_attempts(alice: User, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 0)
    answers = iter([500, 200, 200])
    with FakeServer(lambda request: (next(answers), {}, b"")) as server:
        integration = connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        publish(alice, "asset.created", {"assetId": "b"})
        work()
    day = together(last_hours([integration.pk], 24, timezone.now())[integration.pk])
    assert (day.delivered, day.failed) == (2, 1)
    assert 0 < (day.p95_ms or 0) <= 30_000


def test_counts_are_added_whoever_writes_them(alice: User, bob: User) -> None:
    mine, theirs = str(connect_webhook(alice).pk), str(connect_webhook(bob).pk)
    statements().add_to_sums({(mine, HOUR): counts(2, within_10_ms=5), (theirs, HOUR): counts(0, slower=1)})
    statements().add_to_sums({(mine, HOUR): counts(1, within_10_ms=1, within_500_ms=3), (mine, HOUR - 1): counts(4)})
    found = last_hours([UUID(mine)], 2, NOW)[UUID(mine)]
    assert [(one.start.hour, one.failed, one.delivered) for one in found] == [(13, 4, 0), (14, 3, 9)]
    assert [one.delivered for one in last_hours([UUID(theirs)], 2, NOW)[UUID(theirs)]] == [0, 1]


def test_one_statement_reads_the_sums_of_all_integrations(
    alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    keys = [connect_webhook(alice).pk, connect_webhook(bob).pk]
    with django_assert_num_queries(1):
        assert {key: len(hours) for key, hours in last_hours(keys, 24, NOW).items()} == dict.fromkeys(keys, 24)


@pytest.mark.parametrize(
    ("parts", "p95"),
    [
        ((), None),
        ((100,), 9.5),
        ((95, 5), 10),
        ((90, 10), 15),
        ((0, 0, 0, 0, 0, 100), 485),
        ((*[0] * len(SUM_BOUNDS_MS), 3), 30_000),
    ],
)
def test_p95_is_taken_from_counts(parts: tuple[int, ...], p95: float | None) -> None:
    assert in_hours(*parts).p95_ms == p95


def test_sums_go_when_they_are_old_and_with_their_account(alice: User, bob: User) -> None:
    mine, theirs = str(connect_webhook(alice).pk), str(connect_webhook(bob).pk)
    statements().add_to_sums({(key, hour): counts(1) for key in (mine, theirs) for hour in (HOUR, HOUR - 48)})
    retention.prune(NOW - timedelta(days=1))
    assert set(HourlySum.objects.values_list("hour", flat=True)) == {NOW.replace(minute=0)}
    remove(alice)
    assert [str(row.integration_id) for row in HourlySum.objects.all()] == [theirs]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite adds no constraint to a table")
def test_sums_that_the_database_refuses_stop_no_delivery(alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE webhooks_hourlysum ADD CONSTRAINT none_at_all CHECK (failed < 0)")
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        work()
    assert Attempt.objects.count() == 1
    assert not HourlySum.objects.exists()

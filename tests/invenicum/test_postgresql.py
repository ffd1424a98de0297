"""Kept connections to PostgreSQL: checked cheaply, and replaced once the server has ended them; prepared statements."""

from collections.abc import Iterator
from typing import cast

import pytest
from django.db import connection, connections

from invenicum.postgresql.base import DatabaseWrapper
from invenicum.postgresql.prepared import Prepared
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's connections do not end"),
]
TRIPLED = Prepared("tripled", "SELECT 3 * number, %(name)s FROM numbers", {"name": "text"}, "SET LOCAL jit = off;")
LAST_STATEMENT = "SELECT query FROM pg_stat_activity WHERE pid = %s"


@pytest.fixture
def kept() -> Iterator[DatabaseWrapper]:
    """A connection as a thread of the web server keeps it, just used."""
    wrapper = cast(DatabaseWrapper, connections.create_connection("default"))
    for _ in range(2):  # the first request's connection is new; the second one's is checked
        begin_request(wrapper)
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT 'used'")
    yield wrapper
    wrapper.close()


def begin_request(wrapper: DatabaseWrapper) -> None:
    wrapper.close_if_unusable_or_obsolete()


def session_of(wrapper: DatabaseWrapper) -> int:
    return int(wrapper.connection.info.backend_pid)


def last_statement(session: int) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(LAST_STATEMENT, [session])
        row = cursor.fetchone()
    return row[0] if row else None


def test_a_connection_that_was_just_used_is_checked_without_a_statement(kept: DatabaseWrapper) -> None:
    begin_request(kept)
    with kept.cursor():
        assert last_statement(session_of(kept)) == "SELECT 'used'"


def test_a_connection_that_was_not_checked_for_a_second_is_checked_with_a_statement(kept: DatabaseWrapper) -> None:
    begin_request(kept)
    kept.checked_at -= 1
    with kept.cursor():
        assert last_statement(session_of(kept)) == "SELECT 1"


def test_a_connection_that_the_server_has_just_ended_is_replaced(kept: DatabaseWrapper) -> None:
    ended = session_of(kept)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [ended])
    wait_until(lambda: last_statement(ended) is None, "the end of the session")
    begin_request(kept)
    with kept.cursor() as cursor:
        cursor.execute("SELECT 'works'")
        assert cursor.fetchone() == ("works",)
    assert session_of(kept) != ended


@pytest.fixture
def numbers(kept: DatabaseWrapper) -> DatabaseWrapper:
    """A session with a table of its own."""
    with kept.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers AS SELECT 14 AS number")
    return kept


def triple(session: DatabaseWrapper) -> tuple[int, str] | None:
    """The result of the prepared statement; None if the session does not keep it."""
    with session.cursor() as cursor:
        return cursor.fetchone() if TRIPLED.execute(cursor, {"name": "x"}) else None


def test_a_prepared_statement_is_prepared_once_a_session(numbers: DatabaseWrapper) -> None:
    assert [triple(numbers), triple(numbers)] == [(42, "x"), (42, "x")]
    with numbers.cursor() as cursor:
        cursor.execute("SELECT name, generic_plans + custom_plans FROM pg_prepared_statements")
        assert cursor.fetchall() == [("tripled", 2)]


@pytest.mark.parametrize(
    "change", ["DEALLOCATE ALL", "ALTER TABLE numbers ALTER COLUMN number TYPE bigint"], ids=["lost", "outdated"]
)
def test_a_statement_that_the_session_has_lost_is_not_tried_again(numbers: DatabaseWrapper, change: str) -> None:
    assert triple(numbers) == (42, "x")
    with numbers.cursor() as cursor:
        cursor.execute(change)
    assert [triple(numbers), triple(numbers)] == [None, None]


def test_a_new_session_prepares_its_own_statements(numbers: DatabaseWrapper) -> None:
    assert triple(numbers) == (42, "x")
    numbers.close()
    with numbers.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers AS SELECT 5 AS number")
    assert triple(numbers) == (15, "x")

"""Kept connections to PostgreSQL: checked cheaply, and replaced once the server has ended them."""

from collections.abc import Iterator
from typing import cast

import pytest
from django.db import connection, connections

from invenicum.postgresql.base import DatabaseWrapper
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's connections do not end"),
]
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

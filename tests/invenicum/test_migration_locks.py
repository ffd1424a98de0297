"""`migrate` waits a second at a time for a table in use; tests/upgrades/test_next_release.py does so under load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction

from invenicum.postgresql.migration_locks import bounded_waits
from invenicum.transactions import is_locked

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no locks of tables"),
]

INVALID = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('scratch_n') AND NOT indisvalid"
MAKE_INDEX = 'CREATE UNIQUE INDEX CONCURRENTLY "scratch_n" ON "scratch" ("n")'


@pytest.fixture
def scratch() -> Iterator[None]:
    """A table with two equal rows."""
    run("CREATE TABLE scratch (n int); INSERT INTO scratch VALUES (1), (1)")
    yield
    run("DROP TABLE scratch")


@pytest.fixture
def other() -> Iterator[psycopg.Connection[Any]]:
    """Another session, in the transaction that a test begins."""
    with psycopg.connect(**connection.get_connection_params()) as session:
        yield session


def run(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def test_a_migration_that_gets_no_lock_says_who_uses_the_table_and_changes_nothing(
    other: psycopg.Connection[Any], settings: Any
) -> None:
    settings.MIGRATION_MODULES = {"webhooks": "tests.upgrades.next_release.migrations"}
    other.execute("SELECT count(*) FROM webhooks_delivery")
    with pytest.raises(CommandError, match=f"process {other.info.backend_pid} .* is idle in transaction .*not applied"):
        call_command("migrate", verbosity=0, wait=0.0)
    assert run("SELECT count(*) FROM django_migrations WHERE name LIKE '9%'") == 0
    assert run("SELECT to_regclass('webhooks_deliverynote') IS NULL")


@pytest.mark.parametrize("around", [transaction.atomic, nullcontext])
def test_the_wait_for_a_table_is_bounded_in_and_outside_of_a_transaction(
    scratch: None, other: psycopg.Connection[Any], around: Callable[[], AbstractContextManager[Any]]
) -> None:
    other.execute("SELECT count(*) FROM scratch")
    with bounded_waits(connection), pytest.raises(OperationalError) as caught, around():
        run("ALTER TABLE scratch ADD COLUMN m int")
    assert is_locked(caught.value)
    assert run("SELECT current_setting('lock_timeout')") == "0"  # nothing is left in the session


def test_an_index_that_was_left_unfinished_is_made_again(scratch: None) -> None:
    with bounded_waits(connection):
        with pytest.raises(IntegrityError):
            run(MAKE_INDEX)
        assert run(INVALID) == 1
        run("DELETE FROM scratch")
        run(MAKE_INDEX)
        assert run(INVALID) == 0
        with pytest.raises(Exception, match="already exists"):  # one that is finished is not removed
            run(MAKE_INDEX)

"""Bounds how long a migration waits for a table, so that requests and deliveries do not wait behind it.

A statement that changes a table needs it for itself. While it waits for a transaction that uses the table, every other
statement on the table waits behind it: https://www.postgresql.org/docs/current/explicit-locking.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

MIGRATION_LOCK_SECONDS = 1.0  # that a statement of a migration waits for a table
# For the transaction alone, because a pooler gives the session to others after it.
BOUND_WAIT = f"SET LOCAL lock_timeout = '{round(MIGRATION_LOCK_SECONDS * 1000)}ms'"
# The transaction that has been open longest, besides this one.
LONGEST_TRANSACTION = """
SELECT pid, state, round(extract(epoch FROM now() - xact_start)), coalesce(nullif(application_name, ''), usename)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
ORDER BY xact_start LIMIT 1
"""
# Whether an index was left unfinished: https://www.postgresql.org/docs/current/sql-createindex.html, CONCURRENTLY.
IS_UNFINISHED = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid)"

_CHANGE = re.compile(r"\s*(ALTER|CREATE|DROP|TRUNCATE|COMMENT|LOCK)\b", re.IGNORECASE)
_CONCURRENTLY = re.compile(r"\bINDEX\s+CONCURRENTLY\b", re.IGNORECASE)
_NEW_INDEX = re.compile(r"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(\"[^\"]+\")", re.IGNORECASE)


@contextmanager
def bounded_waits(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Statements on `connection` that change tables wait MIGRATION_LOCK_SECONDS for a lock, then they fail.

    Raises `django.db.OperationalError` then, for which `invenicum.transactions.is_locked` is True. What is made
    CONCURRENTLY waits as long as it has to, because nothing waits behind it; an index that an earlier attempt has left
    unfinished is removed before it is made. Does nothing for a database that is not PostgreSQL.
    """
    if connection.vendor != "postgresql":
        yield
        return

    def execute(run: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        if not isinstance(sql, str) or not _CHANGE.match(sql):
            return run(sql, parameters, many, context)
        if _CONCURRENTLY.search(sql):
            _remove_unfinished(connection, sql)
            return run(sql, parameters, many, context)
        with transaction.atomic(connection.alias, savepoint=False):
            with connection.cursor() as cursor:
                cursor.execute(BOUND_WAIT)
            return run(sql, parameters, many, context)

    with connection.execute_wrapper(execute):
        yield


def describe_longest_transaction(connection: BaseDatabaseWrapper) -> str:
    """What a migration probably waits for: `process 4711 (pg_dump) has been active in a transaction for 90 s`."""
    with connection.cursor() as cursor:
        cursor.execute(LONGEST_TRANSACTION)
        row = cursor.fetchone()
    if row is None or row[2] is None:
        return "no transaction is open any more"
    pid, state, seconds, name = row
    return f"process {pid} ({name}) is {state} and began its transaction {seconds:.0f} s ago"


def _remove_unfinished(connection: BaseDatabaseWrapper, sql: str) -> None:
    if not (found := _NEW_INDEX.match(sql)):
        return
    with connection.cursor() as cursor:
        cursor.execute(IS_UNFINISHED, [found[1]])
        if cursor.fetchone()[0]:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {found[1]}")

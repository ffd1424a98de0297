"""Transactions with short waits for locks, for processes that serve many accounts with one connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from django.conf import settings
from django.db import Error, connection, transaction

Rows = list[tuple[Any, ...]]

LOCK_TIMEOUT_SECONDS = 1.0  # that a statement waits for a row which another connection has locked
# After which PostgreSQL ends the session of a process that stopped within a transaction, and unlocks its rows. Less
# than a lane's lease: another worker that takes the lane over finds nothing locked.
IDLE_IN_TRANSACTION_SECONDS = 8.0

# For the transaction alone, because a pooler such as PgBouncer gives the session to others after it.
LIMIT_WAITING = """
SELECT set_config('lock_timeout', '{lock}', true), set_config('statement_timeout', '{statement}', true),
       set_config('idle_in_transaction_session_timeout', '{idle}', true)
"""
LIMIT_WAITING_NOT_DURABLE = LIMIT_WAITING.rstrip() + ", set_config('synchronous_commit', 'off', true)"
_LOCKED = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected


# What a crash of the server may undo, up to some hundred milliseconds of it: nothing waits for the disk.
NOT_DURABLE = "SET LOCAL synchronous_commit = off;"


@contextmanager
def bounded(*, durable: bool = True) -> Iterator[None]:
    """A transaction (as a context manager or a decorator) in which statements do not wait long for others.

    With `durable=False` it is committed without waiting for the disk: a crash of the server, not of this process, may
    undo it (https://www.postgresql.org/docs/current/wal-async-commit.html). For what is done again without loss.

    Raises `django.db.OperationalError` for a statement that waits longer than LOCK_TIMEOUT_SECONDS for a lock, for
    which `is_locked` is True, or that takes longer than the setting STATEMENT_TIMEOUT. On PostgreSQL only; SQLite has
    a timeout of its own for each connection.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            limits = (LIMIT_WAITING if durable else LIMIT_WAITING_NOT_DURABLE).format(
                lock=round(LOCK_TIMEOUT_SECONDS * 1000),
                statement=round(settings.STATEMENT_TIMEOUT * 1000),
                idle=round(IDLE_IN_TRANSACTION_SECONDS * 1000),
            )
            defer(limits)
        yield


def defer(statement: str, parameters: Any = None) -> None:
    """Sends a statement of the transaction under way, whose result is not needed, with the next one or with COMMIT.

    That saves a round trip on PostgreSQL; an error that it causes is raised there. Elsewhere it is sent at once.
    """
    if connection.vendor == "postgresql":
        cast(Any, connection).defer(statement, parameters)
        return
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def read_together(*statements: tuple[str, Sequence[Any]]) -> list[Rows]:
    """The rows of several SELECTs with their parameters, on PostgreSQL in one round trip; none for an empty one."""
    rows: list[Rows] = [[] for _ in statements]
    asked = [(place, *statement) for place, statement in enumerate(statements) if statement[0]]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            for place, statement, parameters in asked:
                rows[place] = cursor.execute(statement, parameters).fetchall()
        elif asked:
            together = ";".join(statement for _, statement, _ in asked)
            cursor.execute(together, [parameter for _, _, parameters in asked for parameter in parameters])
            for place, _, _ in asked:
                rows[place] = cursor.fetchall()
                cursor.nextset()
    return rows


def is_locked(error: Error) -> bool:
    """Whether a statement failed because another connection has locked what it needs, not the database as a whole."""
    return getattr(error.__cause__, "sqlstate", None) in _LOCKED

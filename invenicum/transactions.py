"""Transactions that wait for nobody else for long, for processes that serve many people with one connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connection, transaction

LOCK_TIMEOUT_SECONDS = 1.0  # that a statement waits for a row which another connection has locked
# After which PostgreSQL ends the session of a process that stopped within a transaction, and unlocks its rows. Less
# than a lane's lease: another worker that takes the lane over finds nothing locked.
IDLE_IN_TRANSACTION_SECONDS = 8.0

# SET LOCAL, because a pooler such as PgBouncer gives the same session to others after the transaction.
LIMIT_WAITING = """
SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement};
SET LOCAL idle_in_transaction_session_timeout = {idle}
"""
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
            with connection.cursor() as cursor:
                cursor.execute(
                    ("" if durable else NOT_DURABLE)
                    + LIMIT_WAITING.format(
                        lock=round(LOCK_TIMEOUT_SECONDS * 1000),
                        statement=round(settings.STATEMENT_TIMEOUT * 1000),
                        idle=round(IDLE_IN_TRANSACTION_SECONDS * 1000),
                    )
                )
        yield


def is_locked(error: Error) -> bool:
    """Whether a statement failed because another connection has locked what it needs, not the database as a whole."""
    return getattr(error.__cause__, "sqlstate", None) in _LOCKED

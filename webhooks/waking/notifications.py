"""Wakes the `deliver` loops of all machines through PostgreSQL's NOTIFY: https://www.postgresql.org/docs/17/sql-notify.html

It is sent after the commit of what is due, because a transaction that notifies keeps all others that do from
committing until it is on disk. Each notification is a transaction of its own, which writes nothing to disk.
"""

from __future__ import annotations

import select
from collections.abc import Iterator

import psycopg
from django.db import connection

from invenicum.postgresql.pooling import is_pooled

CHANNEL = "invenicum_wake"  # of one database
# After which the session is checked: a connection can end unnoticed.
NOTIFICATIONS_CHECK_SECONDS = 10.0


class Pooled(Exception):
    """A pooler such as PgBouncer is in between: each transaction may get another session, which receives nothing."""


def send(what: str) -> None:
    """Wakes the loops for `what`, one ASCII character, on this thread's connection. Raises `django.db.Error`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, what])


def hear() -> Iterator[str]:
    """Yields "" when it listens, then wake-ups as they arrive. Raises `psycopg.Error` or Pooled."""
    parameters = connection.get_connection_params()
    with psycopg.connect(**parameters, autocommit=True) as session:
        if is_pooled(session):
            raise Pooled("a pooler is between this process and the database")
        session.execute(f"LISTEN {CHANNEL}")
        yield ""
        # Psycopg itself looks ten times a second whether it was interrupted.
        arrival = select.poll()
        arrival.register(session.fileno(), select.POLLIN)
        while True:
            for notification in session.notifies(timeout=0):
                yield notification.payload
            if not arrival.poll(NOTIFICATIONS_CHECK_SECONDS * 1000):
                session.execute("SELECT 1")

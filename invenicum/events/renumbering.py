"""Keeps the feed whole when the database comes to another PostgreSQL server by dump and restore.

An event's position is the id of a transaction of the server that wrote it. Another server's ids may be lower: events
that came with the data would be hidden until it gets there, and new ones would be placed before them. So the database
remembers its server, and if that changed, all positions are lowered by the same number first, to 0 and less: their
order, and with it every place that a receiver remembers, stays.
"""

from typing import Any

import structlog
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

log = structlog.get_logger(__name__)

# Whether this is the server that the database remembers; NULL if it remembers none.
IS_SAME_SERVER = """
SELECT system_identifier = (SELECT identifier FROM events_feedserver) FROM pg_control_system()
"""

# Waits until another process that does the same is done, and as long as the rest takes.
LOCK = """
SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
LOCK TABLE events_feedserver IN EXCLUSIVE MODE;
"""

# The highest position if no transaction of this server can have written it.
HIGHEST_FOREIGN_POSITION = """
SELECT max(position) FROM events_event HAVING max(position) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""

LOWER_POSITIONS = "UPDATE events_event SET position = position - %s"

REMEMBER_SERVER = """
INSERT INTO events_feedserver (id, identifier) SELECT 1, system_identifier FROM pg_control_system()
    ON CONFLICT (id) DO UPDATE SET identifier = excluded.identifier
"""

_UNDEFINED_TABLE = "42P01"


def on_connected(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receives `connection_created`: no process reads or writes events of a restored database before this."""
    if connection.alias == DEFAULT_DB_ALIAS and connection.vendor == "postgresql":
        _renumber_unless_empty(connection)


def on_migrated(using: str, **kwargs: Any) -> None:
    """Receives `post_migrate`."""
    if using == DEFAULT_DB_ALIAS and connections[using].vendor == "postgresql":
        _renumber_unless_empty(connections[using])


def _renumber_unless_empty(connection: BaseDatabaseWrapper) -> None:
    try:
        renumber_if_moved(connection)
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", None) != _UNDEFINED_TABLE:
            raise  # else: `migrate` has yet to create the tables


def renumber_if_moved(connection: BaseDatabaseWrapper) -> None:
    """Lowers all positions if the data came from another server whose transaction ids are higher than this one's.

    Of several processes one does it, and the others wait. It takes about as long as restoring the table of events.
    """
    with connection.cursor() as cursor:
        if not _is_same_server(cursor):
            with transaction.atomic(using=connection.alias):
                cursor.execute(LOCK)
                if not _is_same_server(cursor):
                    _renumber(cursor)
                    cursor.execute(REMEMBER_SERVER)


def _is_same_server(cursor: Any) -> bool:
    cursor.execute(IS_SAME_SERVER)
    return bool(cursor.fetchone()[0])


def _renumber(cursor: Any) -> None:
    cursor.execute(HIGHEST_FOREIGN_POSITION)
    highest = cursor.fetchone()
    if highest is not None:
        cursor.execute(LOWER_POSITIONS, highest)
        log.warning("feed_renumbered", events=cursor.rowcount, lowered_by=highest[0])

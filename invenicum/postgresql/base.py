"""The backend that DATABASE_URL names. Django finds it by this module's name.

It saves round trips, which cost a quick request as much as its statements do: a transaction begins with its first
statement, and a statement that is deferred is sent with the next one or with COMMIT, as one string
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT).
"""

import select
import time
from typing import Any, Self

import psycopg
from django.db.backends.postgresql import base

from .pooling import is_pooled

# At most so often a kept connection is checked with a statement, which costs as much as a query of a quick request.
CONNECTION_CHECK_SECONDS = 1.0
BEGIN, COMMIT = "BEGIN", "COMMIT"


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection. A kept one that was just used is checked by looking at its socket: a server that ends a session
    says so there."""

    checked_at = 0.0
    # Of the session that is open: see `prepared`. None if it is not known yet.
    can_keep_statements: bool | None = None
    # Of the base class, whose types do not know them.
    health_check_enabled: bool
    health_check_done: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[str] = set()  # the names of the session's statements

    def keeps_statements(self) -> bool:
        """Whether what is prepared in one transaction is there in the next one. The connection has to be open."""
        if self.can_keep_statements is None:
            with self.wrap_database_errors:
                self.can_keep_statements = not is_pooled(self.connection)
        return self.can_keep_statements

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.can_keep_statements = None
        self.prepared.clear()
        connection = super().get_new_connection(conn_params)
        connection.autocommit = True
        connection.cursor_factory = Cursor
        connection.deferred = []
        return connection

    def defer(self, statement: str, parameters: Any = None) -> None:
        """Sends a statement of the transaction under way, whose result is not needed, with the next one or with COMMIT.

        An error that it causes is raised there.
        """
        with self.cursor() as cursor:
            self.connection.deferred.append(cursor.mogrify(statement, parameters))

    def close_if_health_check_failed(self) -> None:
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        now = time.monotonic()
        is_recent = now - self.checked_at < CONNECTION_CHECK_SECONDS and not self.connection.closed
        if is_recent and _is_quiet(self.connection.pgconn.socket):
            self.health_check_done = True
            return
        self.checked_at = now
        super().close_if_health_check_failed()

    def _set_autocommit(self, autocommit: bool) -> None:
        """Psycopg's own stays on: without it, psycopg sends BEGIN by itself and waits for the answer."""
        self.connection.deferred = [] if autocommit else [BEGIN]

    def _commit(self) -> None:
        if self.connection is not None and self.connection.deferred not in ([], [BEGIN]):
            with self.wrap_database_errors, self.connection.cursor() as cursor:
                cursor.execute(COMMIT)
        self._begin_again()
        super()._commit()  # type: ignore[misc]  # the stubs do not know it

    def _rollback(self) -> None:
        self._begin_again()
        super()._rollback()  # type: ignore[misc]

    def _begin_again(self) -> None:
        """After a transaction, when the connection is not in autocommit: as Django's own backend does."""
        if self.connection is not None:
            self.connection.deferred = [] if self.autocommit else [BEGIN]


class Cursor(psycopg.ClientCursor[Any]):
    """A cursor whose statements take the deferred ones along."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        deferred = self._take_deferred()
        if not deferred:
            return super().execute(query, params, **options)
        text = query if params is None and isinstance(query, str) else self.mogrify(query, params)
        super().execute(";\n".join([*deferred, text]), **options)
        for _ in deferred:
            self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        self._send_deferred()
        super().executemany(query, params_seq, **options)

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Any:
        self._send_deferred()
        return super().copy(statement, params, **options)

    def _send_deferred(self) -> None:
        deferred = self._take_deferred()
        if deferred:
            super().execute(";\n".join(deferred))

    def _take_deferred(self) -> list[str]:
        connection: Any = self.connection
        deferred: list[str] = connection.deferred
        connection.deferred = []
        return deferred


def _is_quiet(descriptor: int) -> bool:
    """Whether there is nothing to read: neither data nor the end of the connection."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)

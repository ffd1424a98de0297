"""The backend that DATABASE_URL names. Django finds it by this module's name."""

import select
import time
from typing import Any

from django.db.backends.postgresql import base

from .pooling import is_pooled

# At most so often a kept connection is checked with a statement, which costs as much as a query of a quick request.
CONNECTION_CHECK_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Checks a connection that was just used by looking at its socket: a server that ends a session says so there."""

    checked_at = 0.0
    # Of the session that is open: see `prepared`. None if it is not known yet.
    can_keep_statements: bool | None = None
    # Of the base class, whose types do not know them.
    health_check_enabled: bool
    health_check_done: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[str] = set()  # the names of the session's statements

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.can_keep_statements = None
        self.prepared.clear()
        return super().get_new_connection(conn_params)

    def keeps_statements(self) -> bool:
        """Whether what is prepared in one transaction is there in the next one. The connection has to be open."""
        if self.can_keep_statements is None:
            with self.wrap_database_errors:
                self.can_keep_statements = not is_pooled(self.connection)
        return self.can_keep_statements

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


def _is_quiet(descriptor: int) -> bool:
    """Whether there is nothing to read: neither data nor the end of the connection."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)

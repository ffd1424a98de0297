"""The backend that DATABASE_URL names. Django finds it by this module's name."""

import select
import time

from django.db.backends.postgresql import base

# At most so often a kept connection is checked with a statement, which costs as much as a query of a quick request.
CONNECTION_CHECK_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Checks a connection that was just used by looking at its socket: a server that ends a session says so there."""

    checked_at = 0.0
    # Of the base class, whose types do not know them.
    health_check_enabled: bool
    health_check_done: bool

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

"""The database cannot be used for a moment: what that looks like, and how long callers should wait."""

from django.db import DatabaseError, InterfaceError, OperationalError

RETRY_AFTER_SECONDS = 2

# SQLite's OperationalError is also that of a wrong statement, which has the generic code:
# https://www.sqlite.org/rescode.html#error
_SQLITE_ERROR = 1
# PostgreSQL's errors of a connection to a server that has become a standby, and of a transaction that it ended:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSING_STATES = frozenset({"25006", "25P03", "25P04"})


def is_unavailable(error: BaseException | None) -> bool:
    """Whether `error` is the database's and may be gone on the next request: it is away, locked, or out of space."""
    if isinstance(error, OperationalError):
        return getattr(error.__cause__, "sqlite_errorcode", None) != _SQLITE_ERROR
    if isinstance(error, InterfaceError):
        return True
    return isinstance(error, DatabaseError) and getattr(error.__cause__, "sqlstate", None) in _PASSING_STATES

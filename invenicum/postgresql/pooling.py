"""Whether a pooler such as PgBouncer stands between this process and PostgreSQL."""

from typing import Any

import psycopg


def is_pooled(session: psycopg.Connection[Any]) -> bool:
    """Whether the next transaction may be carried out by another session. Raises `psycopg.Error`.

    A pooler answers with a number of its own when the connection begins: it has to find the session again that a
    request to cancel a statement is for.
    """
    return session.execute("SELECT pg_backend_pid()").fetchone() != (session.info.backend_pid,)

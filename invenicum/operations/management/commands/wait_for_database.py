import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

LOOK_SECONDS = 1.0  # between two looks
MESSAGE_SECONDS = 60.0  # between two messages


class Command(BaseCommand):
    help = "Returns when the database's server takes connections: it may start later than what needs it."

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            return
        said_at = None
        while not takes_connections():
            if said_at is None or time.monotonic() - said_at >= MESSAGE_SECONDS:
                said_at = time.monotonic()
                where = connection.settings_dict["HOST"] or "this machine"
                self.stderr.write(f"Waiting for PostgreSQL on {where}, which does not take connections.")
            time.sleep(LOOK_SECONDS)


def takes_connections() -> bool:
    """Whether the server answers and has started. A wrong password or name is not looked at: who connects is told."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "dbname", "user", "connect_timeout")
    conninfo = make_conninfo(**{name: parameters[name] for name in names if parameters.get(name)})
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PQPING
    return PGconn.ping(conninfo.encode()) == Ping.OK

"""An instance of the service on a database of its own, PostgreSQL or the embedded one, run by any release's code."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from tests.golden.harness import TYPES
from tests.processes import ROOT, Process, environment, web
from tests.services import free_port, wait_for_port
from tests.upgrades.world import OAUTH_TYPES, PROVIDER_PORT, World, endpoints
from tests.waiting import WAIT_DEADLINE_SECONDS

VENDORS = ("postgresql", "sqlite")
# Fixed values, which have encrypted and signed what is recorded; no instance outside the tests has them.
KEYS = {
    "SECRET_KEY": "recorded-secret-key-that-is-long-enough-for-every-purpose",
    "FERNET_KEYS": "recorded-fernet-key",
    "INVENICUM_JWT_SECRET": "recorded-secret-that-the-app-and-the-service-share",
}
# Nothing that was recorded may be removed for its age, and retries have to wait until they are asked for.
LASTING = {"RETENTION_DAYS": "36500", "AUDIT_RETENTION_DAYS": "36500", "RETRY_SCHEDULE": "0,1800,7200"}


class Instance:
    """A database, and the processes of the service on it. `vendor`: `postgresql` or `sqlite`."""

    def __init__(self, vendor: str, folder: Path, world: World) -> None:
        self.vendor = vendor
        self.folder = folder
        self.port = free_port()
        self.name = f"upgrade_{folder.name.replace('-', '_')}"
        clients = {
            f"OAUTH_{name.upper()}_CLIENT_{part}": f"{name}-{part.lower()}"
            for name in OAUTH_TYPES
            for part in ("ID", "SECRET")
        }
        self.env = environment(
            DJANGO_SETTINGS_MODULE="invenicum.settings",
            DATA_DIR=str(folder / "data"),
            PORT=str(self.port),
            WEB_WORKERS="1",
            PUBLIC_URL="http://localhost:8000",
            EGRESS_PROXY=world.proxy,
            EGRESS_PROXY_RESOLVES="true",
            EGRESS_ALLOW="127.0.0.0/8",
            EGRESS_PORTS=str(PROVIDER_PORT),
            PROVIDER_ENDPOINTS=json.dumps(endpoints(TYPES)),
            SAVE_RATE_LIMIT="10000/min",
            OAUTH_RETURN_ORIGINS="invenicum://",
            **clients,
            **KEYS,
            **LASTING,
        )
        self.env.pop("DATABASE_URL", None)
        if vendor == "postgresql":
            self.env["DATABASE_URL"] = f"postgres://postgres:@/{self.name}?host={_host()}"

    def process(self, *arguments: str, log: str, code: Path = ROOT, **env: str) -> Process:
        """A process of the instance that runs the code in a folder."""
        process = Process([*arguments], self.env | env, self.folder / f"{log}.log")
        process.code = code
        return process

    def manage(self, *arguments: str, code: Path = ROOT, **env: str) -> str:
        """What a command of `manage.py` prints."""
        return self._output("manage.py", *arguments, code=code, **env)

    def run(self, script: str, code: Path = ROOT) -> str:
        """What a script of Django's prints."""
        return self._output("-c", f"import django; django.setup()\n{script}", code=code)

    @contextmanager
    def serving(self, code: Path = ROOT, port: int = 0) -> Iterator[Process]:
        """The web server, on `port` or `self.port`."""
        port = port or self.port
        process = web(self.env | {"PORT": str(port)}, self.folder / f"web-{port}.log")
        process.code = code
        with process:
            wait_for_port(port)
            yield process

    def rows(self, statement: str) -> list[Any]:
        """What one statement returns, committed."""
        if self.vendor == "postgresql":
            with self.connect() as database:
                return database.execute(statement).fetchall()
        with closing(sqlite3.connect(self.file, timeout=WAIT_DEADLINE_SECONDS)) as embedded, embedded:
            return embedded.execute(statement).fetchall()

    @property
    def file(self) -> Path:
        """The embedded database."""
        return self.folder / "data" / "db.sqlite3"

    def connect(self, **options: Any) -> psycopg.Connection:
        return psycopg.connect(host=_host(), user="postgres", dbname=self.name, **options)

    def _output(self, *arguments: str, code: Path, **env: str) -> str:
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as log:
            process = Process([*arguments], self.env | env, Path(log.name))
        process.code = code
        with process:
            assert process.wait() == 0, process.output()
        return process.output().strip()


@contextmanager
def instance(vendor: str, folder: Path, world: World) -> Iterator[Instance]:
    """An instance without tables. Its database is removed at the end."""
    made = Instance(vendor, folder, world)
    (folder / "data").mkdir()
    with ExitStack() as undo:
        if vendor == "postgresql":
            _administer(f'CREATE DATABASE "{made.name}"')
            undo.callback(_administer, f'DROP DATABASE "{made.name}" WITH (FORCE)')
        yield made


def _administer(statement: str) -> None:
    with psycopg.connect(host=_host(), user="postgres", dbname="postgres", autocommit=True) as database:
        database.execute(statement)


def _host() -> str:
    """The folder of the socket of the tests' PostgreSQL."""
    database = settings.DATABASES["default"]
    return str(database["HOST"] or connection.settings_dict["OPTIONS"]["host"])

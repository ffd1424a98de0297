"""A PostgreSQL server of a test's own, to crash, to stop and to start, and a proxy that loses what it answers."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tests.processes import Process, environment
from tests.services import postgres_url, start_postgres
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from tests.faults.conftest import Receiver

SEED = """
import django; django.setup()
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
owner, _ = User.objects.get_or_create(username="alice")
connect_webhook(owner, "{url}")
publish_many([Draft(owner, "asset.created", {{"assetId": str(n)}}) for n in range({count})])
"""


class Database:
    """A PostgreSQL that the test can crash. It keeps everything that was committed."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.url = postgres_url(folder)
        self.start()

    def start(self) -> None:
        self._process = start_postgres(self.folder, "synchronous_commit=on")
        wait_until(self._answers, "the database has recovered")

    def crash(self) -> None:
        """An immediate shutdown: connections are cut, and the next start has to recover."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def environment(self, **more: str) -> dict[str, str]:
        return environment(DJANGO_SETTINGS_MODULE="invenicum.settings", **more) | {"DATABASE_URL": self.url}

    def migrate(self, log: Path) -> None:
        with Process(["manage.py", "migrate", "-v0"], self.environment(), log) as migrating:
            assert migrating.wait() == 0, migrating.output()

    def run(self, script: str, log: Path) -> str:
        """What a script of Django's prints; `log` is a new file."""
        with Process(["-c", f"import django; django.setup()\n{script}"], self.environment(), log) as process:
            assert process.wait() == 0, process.output()
        return process.output().strip()

    def publish(self, receiver: Receiver, count: int, log: Path) -> None:
        script = SEED.format(url=receiver.url, count=count)
        with Process(["-c", script], self.environment(), log) as seeding:
            assert seeding.wait() == 0, seeding.output()

    def counts(self) -> dict[str, int]:
        return dict(self.rows("SELECT status, count(*) FROM webhooks_delivery GROUP BY status"))

    def rows(self, statement: str) -> list[Any]:
        """What one statement returns, committed."""
        with self._connect() as connection:
            return connection.execute(statement).fetchall()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres")

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


class LosesAnswer:
    """A proxy in front of PostgreSQL that cuts a connection when the server has carried out its COMMIT of an event.

    The client never gets the answer. It happens to the next such COMMIT after `is_armed` is set, once.
    """

    def __init__(self, folder: Path) -> None:
        self.is_armed = threading.Event()
        self._server = str(folder / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgres://postgres:@127.0.0.1:{self._listener.getsockname()[1]}/postgres"

    @contextmanager
    def running(self) -> Iterator[None]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield
        finally:
            self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            answers = threading.Thread(target=_copy, args=(server, client), daemon=True)
            answers.start()
            has_event = False
            while sent := _received(client):
                has_event = has_event or b"INSERT INTO events_event" in sent
                if has_event and b"COMMIT" in sent and self.is_armed.is_set():
                    self.is_armed.clear()
                    client.shutdown(socket.SHUT_RDWR)
                    server.sendall(sent)
                    answers.join(WAIT_DEADLINE_SECONDS)
                    return
                server.sendall(sent)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Passes on what `source` sends, until one of the two is closed; then the other is too."""
    with suppress(OSError):
        while received := _received(source):
            target.sendall(received)
        target.shutdown(socket.SHUT_RDWR)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""

"""PostgreSQL crashes and comes back while deliveries are in flight. On a server of its own."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import Broker, Receiver, on_postgresql
from tests.processes import Process, beat, deliver, environment, worker
from tests.services import postgres_url, start_postgres
from tests.waiting import wait_until

pytestmark = on_postgresql

DELIVERIES = 500
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

    def publish(self, receiver: Receiver, count: int, log: Path) -> None:
        script = SEED.format(url=receiver.url, count=count)
        with Process(["-c", script], self.environment(), log) as seeding:
            assert seeding.wait() == 0, seeding.output()

    def counts(self) -> dict[str, int]:
        with self._connect() as connection:
            return dict(connection.execute("SELECT status, count(*) FROM webhooks_delivery GROUP BY status").fetchall())

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres")

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="invenicum-test-"))
    database = Database(folder / "postgres")
    with Process(["manage.py", "migrate", "-v0"], database.environment(), folder / "migrate.log") as migrating:
        assert migrating.wait() == 0, migrating.output()
    yield database
    database.crash()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["deliver", "celery"])
def start(request: pytest.FixtureRequest, broker: Broker, database: Database, tmp_path: Path) -> Iterator[Process]:
    """Starts the engine in one of the two ways to run it."""
    if request.param == "deliver":
        with deliver(database.environment(), tmp_path / "worker.log") as process:
            yield process
        return
    broker.start()
    env = database.environment(CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="0.5")
    with worker(env, tmp_path / "worker.log") as process, beat(env, tmp_path / "beat.log", tmp_path / "schedule"):
        yield process


def test_a_database_that_crashes_during_a_batch_costs_no_delivery(
    database: Database, start: Process, receiver: Receiver, tmp_path: Path
) -> None:
    before = sum(database.counts().values())
    receiver.delay = 0.1  # so that a slow test still finds the worker in the middle of a batch

    def everything_is_delivered() -> bool:
        return database.counts() == {"delivered": before + published}

    published = DELIVERIES
    database.publish(receiver, DELIVERIES, tmp_path / "publish.log")
    wait_until(lambda: len(receiver.seen) > 100, "the worker is in mid-batch")
    assert len(receiver.seen) < DELIVERIES
    database.crash()
    database.start()
    wait_until(everything_is_delivered, "everything is delivered")
    assert receiver.duplicates == 0

    # Responses that arrive while the database is down are written when it is back.
    receiver.answers.clear()
    arrived = len(receiver.seen)
    published += 50
    database.publish(receiver, 50, tmp_path / "publish.log")
    wait_until(lambda: len(receiver.seen) > arrived, "the worker sends")
    database.crash()
    receiver.answers.set()
    assert start.process.poll() is None
    database.start()
    wait_until(everything_is_delivered, "everything is delivered")
    assert (len(receiver.seen), receiver.duplicates) == (published, 0)
    assert start.process.poll() is None, start.output()

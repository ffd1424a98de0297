"""The service behind PgBouncer in transaction mode, where each transaction may get another session."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import Receiver, on_postgresql
from tests.faults.database import Database
from tests.faults.pooler import POOL_SIZE, pooler
from tests.faults.web import TOKEN, Web, serving
from tests.processes import Process, deliver
from tests.waiting import wait_until

pytestmark = on_postgresql

CONNECT = """
from invenicum.accounts.models import User
from tests.factories import connect_webhook
connect_webhook(User.objects.get(username="alice"), "{url}", ordered=True)
"""
ASSETS = 10
CHANGES = 5
# What a session must not keep from the transaction of another process.
SETTINGS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "enable_sort", "TimeZone")


class Pooled(Database):
    """A database that everything but the test's own questions reaches through PgBouncer."""

    pooled_url = ""

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**more) | {"DATABASE_URL": self.pooled_url}


@pytest.fixture(scope="module")
def database() -> Iterator[Pooled]:
    folder = Path(tempfile.mkdtemp(prefix="invenicum-test-"))
    database = Pooled(folder / "postgres")
    with pooler(database.folder, folder / "pgbouncer") as database.pooled_url:
        database.migrate(folder / "migrate.log")
        yield database
    database.crash()
    shutil.rmtree(folder, ignore_errors=True)


def change_assets(server: Web) -> None:
    for number in range(ASSETS):
        body = {"assetId": f"asset-{number}", "name": "0"}
        assert server.ask("POST", "/api/v1/assets", body, Idempotency_Key=f"asset-{number}")[0] == 201
    for change in range(1, CHANGES):
        for number in range(ASSETS):
            assert server.ask("PATCH", f"/api/v1/assets/asset-{number}", {"name": str(change)})[0] == 200


def test_the_service_works_behind_a_pooler_that_gives_each_transaction_another_session(
    database: Pooled, receiver: Receiver, tmp_path: Path
) -> None:
    token = database.run(TOKEN, tmp_path / "token.log")
    database.run(CONNECT.format(url=receiver.url), tmp_path / "connect.log")
    env = database.environment()
    with (
        deliver(env, tmp_path / "deliver.log") as engine,
        serving(database, token, tmp_path, database.pooled_url) as server,
    ):
        change_assets(server)
        wait_until(lambda: database.counts() == {"delivered": ASSETS * CHANGES}, "everything is delivered")
        status, _, content = server.ask("GET", "/api/v1/events?limit=100")
        assert (status, len(json.loads(content)["data"])) == (200, ASSETS * CHANGES)
        assert engine.process.poll() is None, engine.output()
        assert "database_failed" not in engine.output()
        # A session behind the pooler would hear nothing: the loop has noticed, and looks often.
        assert "a pooler is between" in engine.output()
    assert receiver.duplicates == 0
    with Process(["manage.py", "rotate_secrets"], env, tmp_path / "rotate.log") as rotating:
        assert rotating.wait() == 0, rotating.output()


def test_no_session_keeps_what_a_transaction_has_set(database: Pooled) -> None:
    with psycopg.connect(host=str(database.folder), user="postgres", dbname="postgres", autocommit=True) as direct:
        expected = [direct.execute(f"SHOW {name}").fetchone() for name in SETTINGS]
    with ExitStack() as open_transactions:
        for _ in range(POOL_SIZE):
            client = open_transactions.enter_context(psycopg.connect(database.pooled_url, prepare_threshold=None))
            assert [client.execute(f"SHOW {name}").fetchone() for name in SETTINGS] == expected

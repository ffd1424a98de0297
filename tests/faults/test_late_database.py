"""A database that starts after the processes that need it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import on_postgresql
from tests.faults.database import Database
from tests.processes import Process, is_running
from tests.waiting import wait_until

pytestmark = on_postgresql


@pytest.fixture
def database() -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="invenicum-test-"))
    database = Database(folder / "postgres")
    yield database
    database.crash()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_start_waits_for_a_database_that_starts_later(database: Database, tmp_path: Path) -> None:
    database.crash()
    log = tmp_path / "log"
    with Process(["manage.py", "wait_for_database"], database.environment(), log) as waiting:
        wait_until(lambda: "Waiting for PostgreSQL" in waiting.output(), "the command says what it waits for")
        assert is_running(waiting.process.pid)
        database.start()
        assert waiting.wait() == 0
    assert waiting.output().count("\n") == 1


def test_a_wrong_name_is_not_waited_for(database: Database, tmp_path: Path) -> None:
    environment = database.environment() | {"DATABASE_URL": database.url.replace("/postgres?", "/other?")}
    with Process(["manage.py", "wait_for_database"], environment, tmp_path / "log") as waiting:
        assert waiting.wait() == 0
    with Process(["manage.py", "migrate"], environment, tmp_path / "log") as migrating:
        assert migrating.wait() != 0
    assert '"other" does not exist' in migrating.output()

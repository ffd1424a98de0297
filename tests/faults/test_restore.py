"""A backup with `pg_dump`, restored with `pg_restore` into another PostgreSQL server, as docs/operations.md has it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import on_postgresql
from tests.faults.database import Database
from tests.processes import ROOT, Process
from tests.services import postgres_program

pytestmark = on_postgresql

PUBLISH = """
from invenicum.accounts.models import User
from invenicum.events.publish import publish
owner, _ = User.objects.get_or_create(username="alice")
for number in range({first}, {last}): publish(owner, "report.ready", {{"n": number}})
"""
# What a client is sent that has stored the last event it saw; without one, from the first on.
READ = """
import json
from invenicum.accounts.models import User
from invenicum.events.feed import feed
from invenicum.events.models import Event
owner = User.objects.get(username="alice")
after = Event.objects.filter(body__contains={after!r}).first()
events, _ = feed(owner, after.pk if after else None, 1000)
print(json.dumps([event.payload["data"]["n"] for event in events]))
"""
STARTING_PROCESSES = 4


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="invenicum-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def script(name: str, url: str, argument: Path | str) -> str:
    """Runs one of the scripts of deploy/ as an operator does; what it prints."""
    path = f"{postgres_program('psql').parent}{os.pathsep}{os.environ['PATH']}"
    command = [ROOT / "deploy" / name, argument]
    environment = {"PATH": path, "DATABASE_URL": url}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def read(database: Database, log: Path, after: str = "nothing") -> list[int]:
    numbers: list[int] = json.loads(database.run(READ.format(after=after), log).splitlines()[-1])
    return numbers


def use_transactions(folder: Path, count: int) -> None:
    """Lets the server give out ids, so that they are higher than those of a new one."""
    with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as connection:
        for _ in range(count):
            connection.execute("SELECT pg_current_xact_id()")


def test_the_feed_survives_a_restore_on_a_new_server(folder: Path) -> None:
    old = Database(folder / "old")
    old.migrate(folder / "migrate.log")
    use_transactions(old.folder, 3000)
    old.run(PUBLISH.format(first=0, last=50), folder / "publish.log")
    assert read(old, folder / "old.log") == list(range(50))
    backup = script("backup.sh", old.url, folder / "backups").splitlines()[-1]
    old.crash()

    new = Database(folder / "new")
    script("restore.sh", new.url, backup)
    with pytest.raises(subprocess.CalledProcessError):  # it is not empty any more
        script("restore.sh", new.url, backup)
    highest, next_id = new.rows("SELECT max(position), pg_current_xact_id()::text::bigint FROM events_event")[0]
    assert highest > next_id  # or the test would show nothing
    with ExitStack() as running:
        code = f"import django; django.setup()\n{READ.format(after='nothing')}"
        processes = [
            running.enter_context(Process(["-c", code], new.environment(), folder / f"{number}.log"))
            for number in range(STARTING_PROCESSES)
        ]
        assert [process.wait() for process in processes] == [0] * STARTING_PROCESSES, processes[0].output()
        outputs = [process.output() for process in processes]
    assert [json.loads(output.splitlines()[-1]) for output in outputs] == [list(range(50))] * STARTING_PROCESSES
    assert "".join(outputs).count("feed_renumbered") == 1
    new.migrate(folder / "migrate.log")
    new.run(PUBLISH.format(first=50, last=53), folder / "publish-more.log")
    assert read(new, folder / "all.log") == list(range(53))
    assert read(new, folder / "later.log", after='"n":49') == [50, 51, 52]
    new.crash()

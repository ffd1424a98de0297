"""Processes of the previous release and of today's on one database, which today's code has migrated; and back again."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.conftest import Broker, on_postgresql
from tests.processes import ROOT, Process, worker
from tests.services import free_port
from tests.upgrades.instance import Instance, instance
from tests.upgrades.load import Load
from tests.upgrades.recordings import facts_of, versions
from tests.upgrades.world import World
from tests.waiting import wait_until

pytestmark = on_postgresql

PENDING = "SELECT count(*) FROM webhooks_delivery WHERE status = 'pending'"


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release that was recorded last."""
    commit, folder = facts_of(versions()[-1])["commit"], tmp_path_factory.mktemp("previous")
    shallow = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, stdout=subprocess.PIPE)
    if shallow.stdout == b"true\n":
        pytest.skip(f"this clone has not the history with release {versions()[-1]}: git fetch --unshallow")
    with subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
    assert archive.returncode == 0
    return folder


def test_both_releases_deliver_at_once_and_the_previous_one_takes_over_again(previous: Path, tmp_path: Path) -> None:
    with World() as world, instance("postgresql", tmp_path, world) as made, ExitStack() as undo:
        broker = Broker(tmp_path)
        broker.start()
        undo.callback(broker.kill)
        made.env["CELERY_BROKER_URL"] = broker.url
        made.manage("migrate", "-v0", code=previous)
        old_web = undo.enter_context(made.serving(code=previous))
        old_loop = undo.enter_context(made.process("manage.py", "deliver", log="old-loop", code=previous))
        old_worker = undo.enter_context(celery(made, "old", previous))
        load = undo.enter_context(Load(made, world, previous))
        load.wait_for_more(30, "the previous release delivers")
        made.manage("migrate", "-v0")
        load.wait_for_more(30, "it delivers from the migrated database")

        new_worker = undo.enter_context(celery(made, "new", ROOT))
        new_port = free_port()
        new_web = undo.enter_context(made.serving(port=new_port))
        load.ports = [made.port, new_port]
        wait_until(lambda: "ready" in new_worker.output(), "today's worker is ready")
        load.wait_for_more(60, "both deliver what both have published")
        load.ports = [new_port]
        for process in (old_loop, old_worker, old_web):
            assert process.terminate() == 0, process.output()
        load.wait_for_more(30, "today's release is alone")

        undo.enter_context(celery(made, "old-again", previous))
        undo.enter_context(made.serving(code=previous))
        load.ports = [made.port]
        for process in (new_worker, new_web):
            assert process.terminate() == 0, process.output()
        load.wait_for_more(30, "the previous release is alone again")
        load.stop()
        load.assert_all_arrived_once_and_in_order()
        wait_until(lambda: made.rows(PENDING) == [(0,)], "every delivery is noted")


def celery(made: Instance, name: str, code: Path) -> Process:
    process = worker(made.env, made.folder / f"{name}.log")
    process.code = code
    return process

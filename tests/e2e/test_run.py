"""`make run` for a new user: real processes, a real client, real deliveries."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.running import ROOT, Run
from tests.processes import is_running
from tests.waiting import WAIT_DEADLINE_SECONDS


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run, shared by the tests that do not change it."""
    run = Run(tmp_path_factory.mktemp("shared"))
    yield run
    run.process.kill()
    run.process.wait()


def test_a_new_user_sees_verified_deliveries(shared: Run) -> None:
    shared.wait_for(r"received asset\.created asset-\w+ Product Photo\.jpg  ✓ both signatures verified")
    assert f"Address    http://localhost:{shared.port} " in shared.output
    assert "EGRESS_ALLOW=127.0.0.0/8,::1/128 lets deliveries reach this machine" in shared.output

    asset = shared.api("/api/v1/assets", {"name": "Hero Image.jpg", "category": "Images"})["data"]
    shared.wait_for(rf"received asset\.created {asset['assetId']} Hero Image\.jpg  ✓ both signatures verified")
    assert shared.api("/api/v1/integrations/status")["data"]["webhook"] is True
    assert shared.api("/readyz")["status"] == "ok"


def test_a_port_in_use_is_reported_with_a_way_to_change_it(shared: Run) -> None:
    shared.wait_for("Token")
    command = [sys.executable, str(ROOT / "manage.py"), "run"]
    second = subprocess.run(
        command, env=shared.environment, capture_output=True, text=True, timeout=WAIT_DEADLINE_SECONDS
    )
    assert second.returncode == 1
    assert f"Port {shared.port} is taken. Choose another: PORT={shared.port + 1} make run" in second.stderr
    assert "Traceback" not in second.stderr


def test_ctrl_c_ends_everything_and_the_next_run_keeps_the_credentials(tmp_path: Path, started: list[Run]) -> None:
    first = Run(tmp_path)
    started.append(first)
    first.wait_for("received asset.created")
    children = first.children()
    assert len(children) >= 5  # receiver, web server and its worker, engine, guard
    assert first.stop(signal.SIGINT) == 0
    assert not any(map(is_running, children))
    assert "Traceback" not in first.output

    second = Run(tmp_path)
    started.append(second)
    second.wait_for(r"received ping .* ✓ both signatures verified")
    credentials = r"(?:Password|Token) +(\S+)"
    assert re.findall(credentials, second.output) == re.findall(credentials, first.output)
    assert len(second.api("/api/v1/assets")["data"]) == 1


def test_when_one_process_dies_all_stop_and_it_is_named(tmp_path: Path, started: list[Run]) -> None:
    run = Run(tmp_path)
    started.append(run)
    run.wait_for("received asset.created")
    children = run.children()
    engine = next(child for child in children if b"deliver" in Path(f"/proc/{child}/cmdline").read_bytes())
    os.kill(engine, signal.SIGKILL)
    assert run.process.wait(WAIT_DEADLINE_SECONDS) == 1
    assert "The delivery engine was ended by signal 9, so everything is stopped." in run.output
    assert not any(map(is_running, children))


@pytest.mark.skipif("DATABASE_URL" not in os.environ, reason="the embedded database has no broker beside it")
def test_with_postgresql_and_redis_a_celery_worker_delivers(tmp_path: Path, started: list[Run]) -> None:
    folder = os.environ["DATABASE_URL"].partition("?host=")[2]
    name = f"run_{os.getpid()}"
    with psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    run = Run(
        tmp_path,
        DATABASE_URL=f"postgres://postgres:@/{name}?host={folder}",
        CELERY_BROKER_URL=os.environ["TEST_REDIS_URL"].replace("/0", "/9"),
        SECRET_KEY="only-for-this-test",
        FERNET_KEYS="only-for-this-test",
    )
    started.append(run)
    run.wait_for(r"received asset\.created .* ✓ both signatures verified")
    children = run.children()
    assert run.stop(signal.SIGTERM) == 0
    assert not any(map(is_running, children))

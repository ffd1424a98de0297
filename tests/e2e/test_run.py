"""`make run` as a newcomer lives it: real processes, a real client, real deliveries."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services import free_port

ROOT = Path(__file__).parents[2]
# What tests/services.py set for the tests themselves: a newcomer has none of it.
UNSET = ("DATABASE_URL", "CELERY_BROKER_URL", "EGRESS_ALLOW", "SECRET_KEY", "FERNET_KEYS", "PUBLIC_URL", "DEBUG")


class Run:
    """A running `manage.py run`, with what it has printed so far."""

    def __init__(self, folder: Path, **environment: str):
        self.port = free_port()
        clean = {name: value for name, value in os.environ.items() if name not in UNSET}
        self.environment = {**clean, "DATA_DIR": str(folder / "data"), "PORT": str(self.port), **environment}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "run"], env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.output)):
            assert self.process.poll() is None, f"it ended early:\n{self.output}"
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.output}"
            time.sleep(0.05)
        return found

    def children(self) -> list[int]:
        """Every descendant, in whatever session."""
        return [child for child in _descendants(self.process.pid) if _is_running(child)]

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def api(self, path: str, body: Any = None) -> Any:
        token = self.wait_for(r"Token +(\S+)")[1]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode() if body else None,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def _descendants(process_id: int) -> Iterator[int]:
    for file in Path(f"/proc/{process_id}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            yield child
            yield from _descendants(child)


def _is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Run]]:
    """Runs to be ended with the test, whatever becomes of it."""
    runs: list[Run] = []
    yield runs
    for run in runs:
        run.process.kill()
        run.process.wait()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run for the tests that leave it as it was."""
    run = Run(tmp_path_factory.mktemp("shared"))
    yield run
    run.process.kill()
    run.process.wait()


def test_a_newcomer_sees_verified_deliveries(shared: Run) -> None:
    shared.wait_for(r"received asset\.created asset-\w+ Product Photo\.jpg  ✓ both signatures verified")
    assert f"Address    http://localhost:{shared.port} " in shared.output
    assert "EGRESS_ALLOW=127.0.0.0/8,::1/128 was set so that deliveries may reach this machine" in shared.output

    asset = shared.api("/api/v1/assets", {"name": "Hero Image.jpg", "category": "Images"})["data"]
    shared.wait_for(rf"received asset\.created {asset['assetId']} Hero Image\.jpg  ✓ both signatures verified")
    assert shared.api("/api/v1/integrations/status")["data"]["webhook"] is True
    assert shared.api("/readyz")["status"] == "ok"


def test_a_taken_port_is_said_plainly(shared: Run) -> None:
    shared.wait_for("Token")
    command = [sys.executable, ROOT / "manage.py", "run"]
    second = subprocess.run(command, env=shared.environment, capture_output=True, text=True, timeout=30)
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
    assert not any(map(_is_running, children))
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
    assert run.process.wait(30) == 1
    assert "The delivery engine was ended by signal 9, so everything is stopped." in run.output
    assert not any(map(_is_running, children))


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
    assert not any(map(_is_running, children))

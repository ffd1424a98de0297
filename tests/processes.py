"""Starts the product's processes for a test as an operator starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from tests.services import end_with_parent
from tests.waiting import WAIT_DEADLINE_SECONDS

ROOT = Path(settings.BASE_DIR)


def environment(**more: str) -> dict[str, str]:
    """The environment for a process that uses the test's database."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    database = connection.settings_dict
    if connection.vendor == "postgresql":
        host = quote(database["HOST"] or database["OPTIONS"].get("host", ""), safe="/")
        inherited["DATABASE_URL"] = f"postgres://postgres:@/{database['NAME']}?host={host}"
    return inherited | {"PYTHONUNBUFFERED": "1"} | more


class Process:
    """A child process that is killed at the end of its `with` block; its output goes to a file that failures show."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], log: Path) -> None:
        self.arguments = arguments
        self.within: Sequence[str] = ()  # a command that runs the process, such as `unshare --mount`
        self.code = ROOT  # the folder of the product that it runs
        self.env = env
        self.log = log

    def __enter__(self) -> Process:
        with self.log.open("ab") as output:
            # A group of its own, so that a kill reaches Celery's children too.
            self.process = subprocess.Popen(
                [*self.within, sys.executable, *self.arguments],
                cwd=self.code,
                env=dict(self.env),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,  # a test run that is killed leaves no worker behind
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """`kill -9` for the process and all its children."""
        if self.process.poll() is None or self._has_children():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit status. Raises TimeoutExpired if it takes longer than any wait of a test."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit status of a process that ends by itself."""
        return self.process.wait(WAIT_DEADLINE_SECONDS)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def _has_children(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


def web(env: Mapping[str, str], log: Path) -> Process:
    """The web server, on the `PORT` of `env`."""
    return Process(["-m", "invenicum.web"], env, log)


def worker(env: Mapping[str, str], log: Path, processes: int = 1, queues: str = "") -> Process:
    """A Celery worker. It serves all queues, or those that `queues` names, e.g. `jobs`."""
    arguments = ["-m", "celery", "-A", "invenicum", "worker", f"--concurrency={processes}", "--loglevel=info"]
    arguments += [f"--queues={queues}"] if queues else []
    return Process([*arguments, "--without-gossip", "--without-mingle"], env, log)


def beat(env: Mapping[str, str], log: Path, schedule: Path) -> Process:
    return Process(["-m", "celery", "-A", "invenicum", "beat", f"--schedule={schedule}"], env, log)


def deliver(env: Mapping[str, str], log: Path) -> Process:
    """The loop that needs no broker."""
    return Process(["manage.py", "deliver"], env, log)


def children(process: Process) -> list[int]:
    """The ids of a process's children. Linux only."""
    parent = process.process.pid
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def engine_process(process: Process) -> int:
    """The id of the process that delivers: the child of a `deliver` or worker with one, else itself."""
    return (children(process) or [process.process.pid])[0]


def is_running(process_id: int) -> bool:
    """Whether the process exists and is not a zombie. Linux only."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False

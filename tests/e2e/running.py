"""Runs `manage.py run` as a process of its own for tests."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.processes import is_running
from tests.services import free_port
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
# Set by tests/plugin.py for the tests themselves. A new user has none of them.
UNSET = ("DATABASE_URL", "CELERY_BROKER_URL", "EGRESS_ALLOW", "SECRET_KEY", "FERNET_KEYS", "PUBLIC_URL", "DEBUG")


class Run:
    """A running `manage.py run`, with what it has printed so far.

    folder: where it keeps its data and its output. arguments: for the command. root: the project whose code runs.
    environment: more variables for it.
    """

    def __init__(self, folder: Path, *arguments: str, root: Path = ROOT, **environment: str) -> None:
        self.port = free_port()
        clean = {name: value for name, value in os.environ.items() if name not in UNSET}
        self.environment = {**clean, "DATA_DIR": str(folder / "data"), "PORT": str(self.port), **environment}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, root / "manage.py", "run", *arguments],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        def is_said() -> bool:
            assert re.search(pattern, self.output) or self.process.poll() is None, f"it ended early:\n{self.output}"
            return re.search(pattern, self.output) is not None

        wait_until(is_said, f"{self.log} has {pattern!r}")
        found = re.search(pattern, self.output)
        assert found is not None
        return found

    def children(self) -> list[int]:
        """All descendants, of any session."""
        return [child for child in _descendants(self.process.pid) if is_running(child)]

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_DEADLINE_SECONDS)

    def api(self, path: str, body: Any = None) -> Any:
        token = self.wait_for(r"Token +(\S+)")[1]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode() if body else None,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=WAIT_DEADLINE_SECONDS) as answer:
            return json.load(answer)


def _descendants(process_id: int) -> Iterator[int]:
    for file in Path(f"/proc/{process_id}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            yield child
            yield from _descendants(child)

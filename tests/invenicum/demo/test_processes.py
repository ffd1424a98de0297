import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from invenicum.demo.processes import ChildEnded, Family
from tests.processes import is_running
from tests.waiting import wait_until

# Prints its process id and that of a child, then waits.
SERVICE = ["sh", "-c", 'sleep 300 & echo $$ $! > "$FILE"; wait']
PARENT = """
import os, sys, time
from pathlib import Path
from invenicum.demo.processes import Family
with Family(Path.cwd()) as family:
    family.start("the service", ["sh", "-c", 'sleep 300 & echo $$ $! > "$FILE"; wait'], os.environ)
    time.sleep(300)
"""


def ids_in(file: Path) -> list[int]:
    wait_until(lambda: file.exists() and len(file.read_text().split()) == 2, "the child has printed its ids")
    return [int(text) for text in file.read_text().split()]


def test_the_children_end_with_the_block(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    with Family(tmp_path) as family:
        family.start("the service", SERVICE, {**os.environ, "FILE": str(file)})
        service, _ = ids_in(file)
        assert is_running(service)
        family.check()
    assert not is_running(service)


def test_a_child_that_ends_is_reported_by_name(tmp_path: Path) -> None:
    with Family(tmp_path) as family:
        family.start("the service", ["sh", "-c", "exit 3"], os.environ)
        with pytest.raises(ChildEnded, match="the service ended with status 3"):
            wait_until(family.check, "the child's end is noticed")


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invenicum.demo.processes.CHILD_STOP_SECONDS", 0.2)
    file = tmp_path / "ready"
    stubborn = ["sh", "-c", "trap '' TERM; echo $$ $$ > \"$FILE\"; while :; do sleep 0.1; done"]
    with Family(tmp_path) as family:
        family.start("the service", stubborn, {**os.environ, "FILE": str(file)})
        child, _ = ids_in(file)
    assert not is_running(child)


def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env={**os.environ, "FILE": str(file)})
    family = ids_in(file)
    assert all(map(is_running, family))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not any(map(is_running, family)), "the children have ended")

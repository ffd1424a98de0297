"""Tests in this folder start guests, engines and networks, or two releases. `make test-machines` runs them.

It needs root on Debian. A plain `pytest` does not collect them (`norecursedirs` in pyproject.toml).
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines.machine import Machine
from tests.machines.server import Server
from tests.tools import tool


@pytest.fixture(scope="session", autouse=True)
def root_on_debian() -> None:
    """Stops with a sentence where these tests cannot run, instead of with an error of a tool."""
    if os.getuid() != 0 or not Path("/etc/debian_version").exists():
        pytest.exit("make test-machines needs root on Debian", returncode=2)
    # Otherwise a run that is told to stop would leave machines and networks behind.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=2))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that docs/operations.md describes. Each test leaves it delivering."""
    for name in ("debootstrap", "systemd-nspawn", "iptables"):
        tool(name)
    with Machine() as machine:
        server = Server(machine, tmp_path_factory.mktemp("certificates"))
        with server.receiver:
            server.install()
            server.connect()
            yield server

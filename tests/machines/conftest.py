"""Tests in this folder start guests, engines and networks. `make test-machines` runs them, as root on Debian.

A plain `pytest` does not collect them (`norecursedirs` in pyproject.toml).
"""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def root_on_debian() -> None:
    """Stops with a sentence where these tests cannot run, instead of with an error of a tool."""
    if os.getuid() != 0 or not Path("/etc/debian_version").exists():
        pytest.exit("make test-machines needs root on Debian", returncode=2)

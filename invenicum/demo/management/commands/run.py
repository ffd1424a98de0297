import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from invenicum.accounts.models import User

from ... import seed
from ...processes import ChildEnded, Family
from ...source_changes import SourceChanges

LOOPBACK = "127.0.0.0/8,::1/128"
WEB_START_SECONDS = 60.0
CHILD_LOOK_SECONDS = 0.2  # between two checks of the children
SOURCE_LOOK_SECONDS = 0.5  # between two checks of the source files
SOURCE_FOLDERS = ("invenicum", "integrations", "oauth_flows", "webhooks", "templates")

Child = tuple[str, list[str], dict[str, str]]  # name, command, environment

INTRODUCTION = """
Invenicum Integrations is running.

  Open       {link}
             signs you in, once, within ten minutes; later sign in at {address}

  Address    {address}   (API: {address}/docs, admin: {address}/admin/)
  User       {user}
  Password   {password}
  Token      {token}
  Receiver   {receiver}
  Egress     {egress}
  Data       {data}

In another terminal:

  export TOKEN={token}
  curl -s {address}/api/v1/assets -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
       -d '{{"name": "Hero Image.jpg", "category": "Images", "tags": ["featured"]}}'
  curl -s {address}/api/v1/deliveries -H "Authorization: Bearer $TOKEN"
  curl -s {address}/api/v1/integrations/status -H "Authorization: Bearer $TOKEN"

Ctrl-C stops everything.
"""


class Command(BaseCommand):
    help = "Runs the whole service on this machine, with a demo user and a receiver that shows what is delivered."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--reload", action="store_true", help="restart the processes when a source file changes")

    def handle(self, *args: Any, reload: bool, **options: Any) -> None:
        # Also for SIGINT: a shell's background job starts with it ignored.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            self._run(reload)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def _run(self, reload: bool) -> None:
        if not _is_free(settings.PORT):
            raise CommandError(f"Port {settings.PORT} is taken. Choose another: PORT={settings.PORT + 1} make run")
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from None
        user, account = seed.account(settings.DATA_DIR / "demo.json")
        receiver, secret = _receiver(user)
        environment = _environment()
        children = [(name, command, environment) for name, command in _services()]
        if receiver:
            command = _manage("receive", "--port", str(receiver))
            children.insert(0, ("The receiver", command, {**environment, "RECEIVER_SECRET": secret}))

        def greet() -> None:
            self._introduce(user, account, receiver, environment["EGRESS_ALLOW"])
            seed.make_something_happen(user)
            connection.close()

        if reload:
            self._serve_and_reload(children, greet)
        else:
            self._serve(children, greet)

    def _serve(self, children: list[Child], greet: Callable[[], None]) -> None:
        with self._started(children) as family:
            try:
                _wait_for_web(family)
                greet()
                while True:
                    family.check()
                    time.sleep(CHILD_LOOK_SECONDS)
            except ChildEnded as error:
                raise CommandError(f"{error}, so everything is stopped. Its output is above.") from None

    def _serve_and_reload(self, children: list[Child], greet: Callable[[], None]) -> None:
        """Like `_serve`, but a change of the source starts the children again, and one that ends waits for a change."""
        changes = SourceChanges(settings.BASE_DIR / folder for folder in SOURCE_FOLDERS)
        is_greeted = False
        while True:
            with self._started(children) as family:
                try:
                    _wait_for_web(family)
                    if is_greeted:
                        self._say("Reloaded.")
                    else:
                        greet()
                        is_greeted = True
                    changed = _wait_for_change(changes, family.check)
                except ChildEnded as error:
                    self._say(f"{error}. Everything starts again when a source file changes.")
                    changed = _wait_for_change(changes)
                self._say(f"{', '.join(changed)} changed.")

    @contextmanager
    def _started(self, children: list[Child]) -> Iterator[Family]:
        """The running children, which are stopped at the end of the block."""
        with Family(settings.BASE_DIR) as family:
            try:
                for name, command, environment in children:
                    family.start(name, command, environment)
                yield family
            except KeyboardInterrupt:
                self._say("\nStopping …")
                # A second Ctrl-C must not interrupt this, which ends by itself in a few seconds.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                raise

    def _introduce(self, user: User, account: seed.Account, receiver: int | None, egress: str) -> None:
        self._say(
            INTRODUCTION.format(
                link=seed.portal_link(user, account),
                address=settings.PUBLIC_URL,
                user=user.username,
                password=account.password,
                token=account.token,
                receiver=seed.RECEIVER_URL.format(port=receiver) if receiver else "none: your webhook points elsewhere",
                egress=_explain_egress(egress),
                data=_explain_data(),
            )
        )

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _wait_for_change(changes: SourceChanges, check: Callable[[], None] = lambda: None) -> list[str]:
    """The changed files, relative to the project. Calls `check` while it waits, which may raise."""
    while not (changed := changes.take()):
        check()
        time.sleep(SOURCE_LOOK_SECONDS)
    return [str(path.relative_to(settings.BASE_DIR)) for path in changed]


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port(preferred: int) -> int:
    if _is_free(preferred):
        return preferred
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _receiver(user: User) -> tuple[int | None, str]:
    """The demo receiver's port and signing secret; no port if the user's webhook points elsewhere."""
    saved = seed.saved_webhook(user)
    kept = seed.receiver_port(saved) if saved else settings.PORT + 1
    if kept is None:
        return None, ""
    port = _free_port(kept)
    return port, seed.point_webhook_to(user, port)


def _environment() -> dict[str, str]:
    return {"EGRESS_ALLOW": LOOPBACK, "WEB_WORKERS": "1", **os.environ, "PYTHONUNBUFFERED": "1"}


def _services() -> list[tuple[str, list[str]]]:
    web = [sys.executable, "-m", "invenicum.web"]
    if not settings.CELERY_BROKER_URL:
        return [("The web server", web), ("The delivery engine", _manage("deliver"))]
    celery = [sys.executable, "-m", "celery", "-A", "invenicum"]
    worker = [*celery, "worker", "--loglevel", "WARNING"]
    deliveries = [*worker, "--queues", "celery", "--concurrency", "2"]
    jobs = [*worker, "--queues", "jobs", "--concurrency", "1", "--hostname", "jobs@%h"]
    beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile="]
    return [("The web server", web), ("The worker", deliveries), ("The jobs worker", jobs), ("The beat", beat)]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def _wait_for_web(family: Family) -> None:
    deadline = time.monotonic() + WEB_START_SECONDS
    while time.monotonic() < deadline:
        family.check()
        if _answers(settings.PORT):
            return
        time.sleep(0.1)
    raise CommandError(f"The web server did not answer within {WEB_START_SECONDS:.0f} seconds.")


def _answers(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as web:
        try:
            web.request("GET", "/healthz")
            return web.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False


def _explain_egress(networks: str) -> str:
    if "EGRESS_ALLOW" in os.environ:
        return f"EGRESS_ALLOW={networks}, as you set it"
    return f"EGRESS_ALLOW={networks} lets deliveries reach this machine; by default none can"


def _explain_data() -> str:
    if settings.DATABASE_URL:
        return "in the database of DATABASE_URL"
    return f"{settings.DATA_DIR} (SQLite; remove the folder to start afresh)"

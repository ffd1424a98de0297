"""A server with the service on it, installed as docs/operations.md says, and a client and a receiver of webhooks."""

import http.client
import json
import socket
import ssl
import subprocess
from http import HTTPStatus
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from invenicum.version import VERSION
from tests.fakes.certificates import Authority
from tests.fakes.http_server import FakeServer, Received
from tests.machines import debian, guide
from tests.machines.machine import Machine
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

NAME = "integrations.test"
UNITS = ("web", "worker", "jobs", "beat", "migrate")
MANAGE = "/opt/invenicum/deploy/systemd/manage.sh"
PASSWORD = "correct horse battery staple"  # of the administrator


class Server:
    """A machine on which the guide was followed.

    said: what its commands printed. backend: the token that the guide issues, which publishes for every account.
    """

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.receiver = FakeServer(lambda request: (200, {}, b""), host=machine.network.here)
        self._authority = Authority(folder)
        self._authority.server(NAME)
        self._trust = ssl.create_default_context(cafile=str(self._authority.path))
        self._certificate = (folder / f"{NAME}.pem").read_text()

    def install(self) -> None:
        """Follows the guide to its end, in the folder with the release; then adds a setting as it says."""
        copy_release(self.machine.root / "root/release")
        certificates = self.machine.root / "etc/ssl" / NAME
        certificates.mkdir(parents=True)
        for name in ("fullchain.pem", "privkey.pem"):
            (certificates / name).write_text(self._certificate)
        script = "\n".join(guide.commands("operations.md", "## On a server with systemd"))
        script = script.replace("NAME=integrations.example.com", f"NAME={NAME}")
        # Asks questions, so it is run by itself. The token's command prints the token last.
        questions = f"{MANAGE} createsuperuser\n"
        before, _, after = script.partition(questions)
        self.said = self.machine.run(before, folder="/root/release", variables=debian.client_variables())
        answers = {"Username": "admin", "Email": "admin@example.com", "Password:": PASSWORD, "again": PASSWORD}
        self.machine.converse(questions, answers)
        self.backend = self.machine.run(after).split()[-1]
        allowed = f"EGRESS_ALLOW={self.machine.network.here}/32"
        self.machine.run(f"echo {allowed} >> /etc/invenicum/environment; systemctl restart 'invenicum-*'")
        self.wait_until_it_answers()

    def connect(self) -> None:
        """Alice connects her receiver as a custom webhook."""
        self.alice = self.machine.run(f"{MANAGE} issue_token alice").split()[-1]
        config = {"url": f"{self.receiver.url}/hook", "events": ["report.*", "asset.created"]}
        status, answer = self.request(self.alice, "/api/v1/integrations", {"type": "webhook", "config": config})
        assert status == HTTPStatus.OK, answer
        self.secret = answer["data"]["signingSecret"]

    def request(self, token: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Status and JSON of an answer through nginx, whose certificate is verified. key: `Idempotency-Key`."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        connection = http.client.HTTPSConnection(NAME, timeout=WAIT_DEADLINE_SECONDS, context=self._trust)
        plain = socket.create_connection((self.machine.address, 443), WAIT_DEADLINE_SECONDS)
        connection.sock = self._trust.wrap_socket(plain, server_hostname=NAME)
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if answer.headers.get_content_type() == "application/json" else text

    def publish(self, *names: str) -> None:
        """Publishes an event for each name, as Invenicum's backend does for Alice."""
        events = [{"event": "report.ready", "data": {"name": name}} for name in names]
        status, answer = self.request(self.alice, "/api/v1/events", {"events": events})
        assert status == HTTPStatus.ACCEPTED, answer

    def wait_for(self, *names: str) -> None:
        """Returns when all of them have arrived, each with a signature that is right."""
        wait_until(lambda: set(names) <= self.received().keys(), f"{names[0]} and {len(names) - 1} more arrive")
        for name in names:
            request = self.received()[name]
            Webhook(self.secret).verify(request.body, dict(request.headers))

    def received(self) -> dict[str, Received]:
        """The requests that have arrived, by the name in the event."""
        return {request.json()["data"]["name"]: request for request in list(self.receiver.requests)}

    def active(self) -> dict[str, str]:
        """The state of each unit, as `systemctl is-active` says it."""
        names = [f"invenicum-{unit}" for unit in UNITS]
        states = self.machine.run(f"systemctl is-active invenicum.target {' '.join(names)}", check=False).split()
        return dict(zip(["invenicum.target", *names], states, strict=True))

    def wait_until_it_answers(self) -> None:
        ready = "curl --silent --fail http://127.0.0.1:8000/readyz"
        wait_until(lambda: '"' in self.machine.run(ready, check=False), "the service is ready")

    def show(self, unit: str, name: str) -> str:
        """A property of a unit, e.g. `MainPID`."""
        return self.machine.run(f"systemctl show --property={name} --value {unit}").strip()


def copy_release(folder: Path, version: str = "") -> None:
    """The files of the work tree that git knows. version: one that they are said to have."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=debian.ROOT, stdout=subprocess.PIPE, check=True).stdout
    for name in files.decode().split("\0"):
        source = debian.ROOT / name
        if name and source.is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode)
    if version:
        file = folder / "invenicum/version.py"
        file.write_text(file.read_text().replace(VERSION, version))

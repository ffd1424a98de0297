"""The service, installed with docker-compose.yml as docs/operations.md says, and a receiver beside it."""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.machines import guide
from tests.machines.compose.client import NAME, Client
from tests.machines.engine import Engine, run
from tests.machines.stand_ins import DEBIAN, ROOT
from tests.machines.terminal import answer
from tests.services import free_port
from tests.waiting import wait_until

IMAGE = "invenicum-integrations"
OURS = ("web", "worker", "jobs", "beat")
SERVICES = (*OURS, "nginx", "postgres", "valkey")
ALL = (*SERVICES, "migrate")
# Networks that engines make: https://docs.docker.com/engine/daemon/#networking (default address pools)
ENGINE_NETWORKS = "172.16.0.0/12,192.168.0.0/16"
STAFF = {"username": "admin", "password": "correct-horse-42"}
HEALTH_SECONDS = 240.0  # workers are asked for the first time after a minute


class Installation:
    """A release in an empty folder, and its containers, volumes and network, which `remove` removes."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder / "release"
        self.project = f"invenicum-test-{os.getpid()}"
        self.environment = engine.environment | {"COMPOSE_PROJECT_NAME": self.project}
        self.received = folder / "received"
        self.beside: list[str] = []
        self._certificate = folder / "certificate"
        self._settings = {"SERVER_NAME": NAME, "TLS_FOLDER": str(self._certificate)}
        self._settings |= {"PORT": str(free_port()), "EGRESS_ALLOW": ENGINE_NETWORKS}

    def unpack(self) -> None:
        """Puts the release into its folder, with the base image that is here, and a certificate beside it."""
        for folder in (self.folder, self.received, self._certificate):
            folder.mkdir()
        release = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "--extract"], cwd=self.folder, input=release, check=True)
        base = f"services: {{migrate: {{build: {{args: {{BASE: {DEBIAN}}}}}}}}}\n"
        (self.folder / "docker-compose.override.yml").write_text(base)
        names = f"-subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
        files = f"-keyout {self._certificate}/privkey.pem -out {self._certificate}/fullchain.pem"
        run("sh", "-c", f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes {names} {files}")
        os.chown(self._certificate / "privkey.pem", 1000, 1000)  # only its owner can read it, who is not root

    def follow_the_guide(self) -> None:
        """Each command below "With Docker Compose", as it stands there."""
        block = guide.commands("operations.md", "## With Docker Compose")[0]
        copy, make_secrets, start, create_user = block.splitlines()
        self.run(copy)
        self.fill_in()
        self.run(make_secrets)
        self.engine.owns(IMAGE)
        self.run(start)
        answer(
            create_user,
            [("Username", STAFF["username"]), ("Email", "a@example.com"), *[("Password", STAFF["password"])] * 2],
            self.folder,
            self.environment,
        )

    def fill_in(self) -> None:
        file = self.folder / ".env"
        lines = [line for line in file.read_text().splitlines() if line.rstrip("=") not in self._settings]
        file.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in self._settings.items()), ""]))

    def run(self, command: str, check: bool = True) -> str:
        """What a shell's command prints in the release's folder. Raises AssertionError if it fails and `check`."""
        return run("sh", "-ec", command, environment=self.environment, folder=self.folder, check=check)

    def containers(self, *services: str) -> list[dict[str, Any]]:
        """What the engine says about the containers of these services: those that ended too."""
        label = f"--filter=label=com.docker.compose.project={self.project}"
        filters = [(label, f"--filter=label=com.docker.compose.service={service}") for service in services or ALL]
        ids = [self.engine.docker("ps", "--all", "--quiet", *each).split() for each in filters]
        found: list[dict[str, Any]] = json.loads(self.engine.docker("inspect", *itertools.chain(*ids)))
        return found

    def wait_for_health(self) -> None:
        """Returns when every container is healthy."""

        def look() -> bool:
            time.sleep(1)  # each look starts programs
            return all(each["State"]["Health"]["Status"] == "healthy" for each in self.containers(*SERVICES))

        wait_until(look, "all are healthy", HEALTH_SECONDS)

    def start_beside(self, name: str, *command: str, options: Sequence[str] = (), image: str = DEBIAN) -> str:
        """Starts a container in the network of the service's, where it is called `<name>.test`. Returns its name."""
        self.beside.append(f"{self.project}-{name}")
        options = [*options, f"--name={self.beside[-1]}", f"--network={self.project}_default"]
        self.engine.docker("run", "--detach", f"--network-alias={name}.test", *options, image, *command)
        return self.beside[-1]

    def receive(self) -> None:
        """Starts the receiver, which is http://receiver.test:8080 for the service."""
        files = [f"--volume={Path(__file__).parent}/receiver.py:/receiver.py:ro", f"--volume={self.received}:/received"]
        self.start_beside("receiver", "python", "/receiver.py", "/received/requests", options=files)

    def requests(self) -> list[dict[str, Any]]:
        """What the receiver has answered: `from` (an address), `headers` and `body`."""
        file = self.received / "requests"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def received_ids(self) -> set[str]:
        """The ids of events that the receiver has answered."""
        return {request["headers"]["webhook-id"] for request in self.requests()}

    def wait_for_events(self, ids: Iterable[str]) -> None:
        wanted = set(ids)
        wait_until(lambda: wanted <= self.received_ids(), f"{len(wanted)} events arrive")

    def logs(self, service: str) -> str:
        return "".join(self.engine.docker("logs", container["Id"]) for container in self.containers(service))

    def address(self, container: str) -> str:
        """The address of a container in their network, by its name or id, e.g. `invenicum-test-1234-web-1`."""
        [found] = json.loads(self.engine.docker("inspect", container))
        return str(found["NetworkSettings"]["Networks"][f"{self.project}_default"]["IPAddress"])

    def client(self, token: str = "") -> Client:
        return Client(self._certificate / "fullchain.pem", token)

    def issue_token(self) -> str:
        scopes = " ".join(f"--scope {scope}" for scope in ("events:write", "integrations:write", "deliveries:read"))
        return self.run(f"docker compose exec web python manage.py issue_token alice {scopes}").strip()

    def remove(self) -> None:
        """Removes what was made in the engine."""
        self.engine.docker("rm", "--force", "--volumes", *self.beside, check=False)
        self.run("docker compose down --volumes --remove-orphans", check=False)

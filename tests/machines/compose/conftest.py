"""One installation for all tests of this folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines import stand_ins
from tests.machines.compose.client import Client
from tests.machines.compose.installation import Installation
from tests.machines.engine import Engine
from tests.tools import tool

URL = "http://receiver.test:8080/hook"


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    for name in ("dockerd", "iptables", "debootstrap", "docker-compose"):
        tool(name)
    with Engine() as engine:
        stand_ins.make(engine)
        yield engine


@pytest.fixture(scope="package")
def installation(engine: Engine) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="invenicum-compose-") as folder:
        installation = Installation(engine, Path(folder))
        installation.unpack()
        try:
            installation.follow_the_guide()
            installation.receive()
            yield installation
        finally:
            installation.remove()


@pytest.fixture(scope="package")
def secret(installation: Installation, client: Client) -> str:
    """The signing secret of alice's webhook, which is connected to the receiver."""
    saved = client.ask("POST", "/api/v1/integrations", json={"type": "webhook", "config": {"url": URL}})
    assert saved.status_code == 200, saved.text
    return str(saved.json()["data"]["signingSecret"])


@pytest.fixture(scope="package")
def client(installation: Installation) -> Client:
    return installation.client(installation.issue_token())

"""The examples in the Python client's README, run with the generated client against a running service."""

import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import RemoteDisconnected
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from tests.clients.conftest import ROOT
from tests.factories import SECRET
from tests.services import free_port, wait_for_port
from tests.tools import missing
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.engine.worker import drain
from webhooks.models import Delivery

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALLS, RECEIVER = BLOCK.findall((ROOT / "clients/python/README.md").read_text())


@pytest.fixture(scope="session")
def generated(client_python: Path) -> Path:
    """A Python that has the generated client."""
    found = subprocess.run([client_python, "-c", "import invenicum_integrations"], capture_output=True)
    if found.returncode:
        missing("The generated Python client", "client-python")
    return client_python


@pytest.fixture
def receiver(generated: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The README's receiver: its address, and the file that it prints to."""
    port, printed = free_port(), tmp_path / "received"
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [generated, "-c", RECEIVER],
            env={"SECRET": SECRET, "PORT": str(port)},
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
    wait_for_port(port)
    yield f"http://127.0.0.1:{port}/", printed
    process.kill()
    process.wait()


@pytest.mark.django_db(transaction=True)
def test_the_readmes_examples_save_publish_receive_and_read_the_log(
    generated: Path, receiver: tuple[str, Path], live_server: LiveServer, alice: User
) -> None:
    url, printed = receiver
    environment = {"SERVICE": live_server.url, "TOKEN": issue_token(alice), "RECEIVER": url, "SECRET": SECRET}

    def call() -> list[str]:
        command = [generated, "-c", CALLS]
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=WAIT_DEADLINE_SECONDS, check=False
        )
        assert answer.stderr == ""
        return answer.stdout.splitlines()

    saved, event_id, *log = call()
    assert saved == "Custom Webhook integration saved successfully"
    assert [line.split()[:2] for line in log] == [["report.ready", "pending"]]
    assert Delivery.objects.get().event.public_id == event_id

    drain()
    wait_until(lambda: printed.read_text() == "report.ready {'pages': 3}\n", "the receiver prints the event")
    *_, last = call()
    assert last.split()[:2] == ["report.ready", "delivered"]


def test_the_readmes_receiver_refuses_what_is_not_signed(receiver: tuple[str, Path]) -> None:
    url, printed = receiver
    request = urllib.request.Request(url, b'{"event": "report.ready", "data": {}}', {"webhook-id": "evt_1"})
    with pytest.raises((RemoteDisconnected, urllib.error.URLError)):
        urllib.request.urlopen(request, timeout=WAIT_DEADLINE_SECONDS)
    assert printed.read_text() == ""

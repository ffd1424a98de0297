import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

import pytest

from invenicum.demo.management.commands.receive import harmless
from tests.invenicum.demo.test_receiver import BODY, HEADERS, SECRET
from tests.waiting import WAIT_DEADLINE_SECONDS

COMMAND = [sys.executable, str(Path(__file__).parents[3] / "manage.py"), "receive"]


class Receive:
    """A running `manage.py receive`, and the port that it prints."""

    def __init__(self, *arguments: str, secret: str | None = None) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"} | ({"RECEIVER_SECRET": secret} if secret else {})
        self.process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.output: IO[str] = self.process.stdout
        self.first_line = self.output.readline()
        self.port = int("".join(filter(str.isdigit, self.first_line.rpartition(":")[2])))

    def post(self, headers: dict[str, str]) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_DEADLINE_SECONDS)
        connection.request("POST", "/", BODY, headers)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def receive(request: pytest.FixtureRequest) -> Iterator[Receive]:
    running = Receive(*request.param, secret=SECRET)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.mark.parametrize("receive", [["--json"]], indirect=True)
def test_with_json_each_arrival_is_one_object_per_line(receive: Receive) -> None:
    assert json.loads(receive.first_line) == {"listening": f"http://127.0.0.1:{receive.port}"}
    # The known signature is years old, which Standard Webhooks does not accept.
    assert receive.post(HEADERS) == 401
    assert json.loads(receive.output.readline()) == {
        "id": HEADERS["webhook-id"],
        "body": {"test": 2432232314},
        "invenicum_verified": True,
        "standard_verified": False,
        "duplicate": False,
        "verified": False,
    }


@pytest.mark.parametrize("receive", [[]], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_text_output_says_why_a_request_is_not_verified(receive: Receive, number: int) -> None:
    receive.post(HEADERS)
    assert "✗ not verified: webhook-signature  msg_" in receive.output.readline()
    receive.process.send_signal(number)
    assert receive.process.wait(WAIT_DEADLINE_SECONDS) == 0


@pytest.mark.parametrize("receive", [["--port", "0"]], indirect=True)
def test_a_port_in_use_is_reported_in_one_line(receive: Receive) -> None:
    command = [*COMMAND, "--port", str(receive.port), "--secret", SECRET]
    second = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_DEADLINE_SECONDS)
    assert second.returncode == 1
    assert second.stderr == f"CommandError: Cannot listen on port {receive.port}: Address already in use.\n"


def test_it_asks_for_a_secret() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "RECEIVER_SECRET"}
    answer = subprocess.run(COMMAND, capture_output=True, text=True, timeout=WAIT_DEADLINE_SECONDS, env=environment)
    assert answer.returncode == 1
    assert "--secret whsec_" in answer.stderr


def test_a_sender_cannot_control_the_terminal() -> None:
    assert harmless("\x1b]0;owned\x07\x9b2J\r") == "\\x1b]0;owned\\x07\\x9b2J\\r"
    assert harmless("Stühle ✓") == "Stühle ✓"

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services import free_port, wait_for_port
from tests.waiting import WAIT_DEADLINE_SECONDS

LIMIT = 64
# An application of its own, so that the real server runs without a database.
ECHO = f"""
from invenicum.api.chunked import with_chunked_bodies

def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]

application = with_chunked_bodies(echo, {LIMIT})
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("echo"), free_port()
    (folder / "echo.py").write_text(ECHO)
    command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--pythonpath", str(folder), "--log-level", "error", "echo"]
    process = subprocess.Popen([sys.executable, "-m", *command, "--no-control-socket"])
    wait_for_port(port)
    yield port
    process.terminate()
    process.wait(WAIT_DEADLINE_SECONDS)


def echo(port: int, body: Any, **options: Any) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_DEADLINE_SECONDS)
    connection.request("POST", "/", body, **options)
    return connection.getresponse().read()


def test_a_body_in_chunks_is_read_whole(server: int) -> None:
    body = json.dumps({"event": "a.b", "data": {}}).encode()
    assert echo(server, iter([body[:7], body[7:]]), encode_chunked=True) == body


def test_a_body_in_chunks_is_cut_just_beyond_the_limit(server: int) -> None:
    assert len(echo(server, iter([b"x" * 40] * 3), encode_chunked=True)) == LIMIT + 1


def test_a_body_with_a_content_length_and_no_body_pass_unchanged(server: int) -> None:
    assert echo(server, b"x" * 100) == b"x" * 100
    assert echo(server, None) == b""

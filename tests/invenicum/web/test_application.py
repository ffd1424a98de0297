"""The application between server and Django, with a WSGI application of the test's own behind it and no database."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ROOT, environment
from tests.services import free_port, wait_for_port
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

LIMIT = 64
CODE = f"""
import json, pathlib, time
import django
django.setup()
from invenicum.web.answers import json_answer
from invenicum.web import application
from invenicum.web.application import Application

application.QUEUE_SECONDS = 2
HERE = pathlib.Path(__file__).parent

def stream(environ):
    try:
        for number in range(300):
            yield b"%09d " % number * 1000
    finally:
        (HERE / "closed").touch()

def django_stands_for(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    match environ["PATH_INFO"]:
        case "/echo":
            return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]
        case "/environ":
            return [json.dumps({{k: v for k, v in environ.items() if isinstance(v, str)}}).encode()]
        case "/stream":
            return stream(environ)
        case "/file":
            return environ["wsgi.file_wrapper"](open(__file__, "rb"))
        case "/hang":
            time.sleep(60)
        case "/crash":
            raise RuntimeError("on purpose")
    return [environ["PATH_INFO"].encode("latin-1")]

async def probe():
    return json_answer(200, {{"status": "ok"}})

async def quick(scope, body):
    return json_answer(200, {{"body": body.decode()}}) if body != b"for django" else None

application = Application(
    django_stands_for, threads=2, probes={{"/healthz": probe}}, handlers={{("POST", "/quick"): quick}},
    body_limit=lambda path: 1 << 20 if path == "/judged" else {LIMIT}, judge_body=lambda scope, length: False,
    body_memory=1 << 20,
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("application")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[int]:
    port = free_port()
    (folder / "served.py").write_text(CODE)
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--http", "1", "--no-ws", "--port", str(port)]
    variables = environment(PYTHONPATH=f"{ROOT}:{folder}", DJANGO_SETTINGS_MODULE="invenicum.settings")
    process = subprocess.Popen([*command, "--workers-kill-timeout", "1", "served:application"], env=variables)
    wait_for_port(port)
    yield port
    process.terminate()
    process.wait(WAIT_DEADLINE_SECONDS)


def ask(port: int, method: str, path: str, body: Any = None, **options: Any) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_DEADLINE_SECONDS)
    connection.request(method, path, body, **options)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def test_a_body_arrives_whole_with_its_length_or_in_chunks(server: int) -> None:
    body = json.dumps({"event": "a.b", "data": {}}).encode()
    assert ask(server, "POST", "/echo", body)[1] == body
    assert ask(server, "POST", "/echo", iter([body[:7], body[7:]]), encode_chunked=True)[1] == body
    assert ask(server, "POST", "/echo", iter([]), encode_chunked=True)[1] == b""
    assert ask(server, "POST", "/echo")[1] == b""


def test_a_body_in_chunks_is_cut_just_beyond_the_limit(server: int) -> None:
    assert len(ask(server, "POST", "/echo", iter([b"x" * 40] * 3), encode_chunked=True)[1]) == LIMIT + 1


def test_a_body_that_announces_too_much_is_not_waited_for(server: int) -> None:
    with socket.create_connection(("127.0.0.1", server), WAIT_DEADLINE_SECONDS) as client:
        client.sendall(b"POST /environ HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n{")
        assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_a_large_body_that_is_judged_not_worth_reading_is_not_waited_for(server: int) -> None:
    with socket.create_connection(("127.0.0.1", server), WAIT_DEADLINE_SECONDS) as client:
        client.sendall(b"POST /judged HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n{")
        assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_the_environment_is_that_of_any_wsgi_server(server: int) -> None:
    headers = {"X-One": "1", "Cookie": "a=1", "X_Forwarded_For": "203.0.113.9", "Content-Type": "text/plain"}
    environ = json.loads(ask(server, "POST", "/environ?a=%20b", b"12", headers=headers)[1])
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["QUERY_STRING"] == "a=%20b"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (environ["REMOTE_ADDR"], environ["SERVER_PORT"]) == ("127.0.0.1", str(server))
    assert (environ["HTTP_X_ONE"], environ["HTTP_COOKIE"], environ["HTTP_HOST"]) == ("1", "a=1", f"127.0.0.1:{server}")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "2")
    assert not {name for name in environ if "FORWARDED" in name or name.startswith("HTTP_CONTENT_")}


def test_a_path_is_decoded_to_its_bytes(server: int) -> None:
    assert ask(server, "GET", "/a%20b/%ff%c3%bc")[1] == b"/a b/\xff\xc3\xbc"


def test_headers_that_repeat_are_all_sent(server: int) -> None:
    assert ask(server, "GET", "/x")[0].headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_a_long_answer_is_sent_piece_by_piece(server: int, folder: Path) -> None:
    _, content = ask(server, "GET", "/stream")
    assert content == b"".join(b"%09d " % number * 1000 for number in range(300))
    assert (folder / "closed").exists()


def test_an_answer_whose_client_leaves_is_closed(server: int, folder: Path) -> None:
    (folder / "closed").unlink(missing_ok=True)
    with socket.create_connection(("127.0.0.1", server)) as client:
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
        client.recv(10)
    wait_until((folder / "closed").exists, "the generator is closed")


def test_head_has_the_headers_and_no_body(server: int) -> None:
    for path in ("/file", "/x", "/healthz"):
        response, content = ask(server, "HEAD", path)
        assert (response.status, content) == (200, b"")


def test_a_file_is_sent_whole(server: int) -> None:
    assert ask(server, "GET", "/file")[1].decode() == CODE


def test_a_quick_handler_answers_or_passes_on(server: int) -> None:
    assert json.loads(ask(server, "POST", "/quick", b"hello")[1]) == {"body": "hello"}
    assert ask(server, "POST", "/quick", b"for django")[1] == b"/quick"
    assert ask(server, "GET", "/quick")[1] == b"/quick"


def test_a_crash_is_the_apis_error(server: int) -> None:
    response, content = ask(server, "GET", "/crash")
    assert (response.status, json.loads(content)["error"]) == (500, "INTERNAL_ERROR")


def test_probes_answer_while_every_thread_hangs(server: int) -> None:
    """The last test: the threads stay taken."""
    for _ in range(4):
        client = socket.create_connection(("127.0.0.1", server))
        client.sendall(b"GET /hang HTTP/1.1\r\nHost: h\r\n\r\n")
    began = time.monotonic()
    assert json.loads(ask(server, "GET", "/healthz/")[1]) == {"status": "ok"}
    assert json.loads(ask(server, "POST", "/quick", b"1")[1]) == {"body": "1"}
    assert time.monotonic() - began < 2
    response, content = ask(server, "GET", "/x")
    assert (response.status, json.loads(content)["error"]) == (503, "OVERLOADED")
    assert response.headers["retry-after"] == "2"

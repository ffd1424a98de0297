import urllib.error
import urllib.request

import pytest

from tests.fakes.http_server import Answer, FakeServer, Received, close, json_answer


def test_it_records_requests_and_sends_the_handlers_answer() -> None:
    with FakeServer(lambda request: json_answer(201, {"path": request.path})) as server:
        sent = urllib.request.Request(f"{server.url}/a?b=1", b"body", {"X-Name": "value"}, method="PUT")
        with urllib.request.urlopen(sent) as answer:
            assert (answer.status, answer.read()) == (201, b'{"path": "/a?b=1"}')
    [request] = server.requests
    assert (request.method, request.path, request.body) == ("PUT", "/a?b=1", b"body")
    assert request.headers["x-name"] == "value"


def test_a_behaviour_gets_the_connection() -> None:
    with FakeServer(lambda request: close) as server, pytest.raises(OSError):
        urllib.request.urlopen(server.url)
    assert len(server.requests) == 1


def test_a_failing_handler_fails_the_test() -> None:
    def fail(request: Received) -> Answer:
        raise LookupError("no such route")

    server = FakeServer(fail)
    with pytest.raises(LookupError), server, pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(server.url)

"""Requests as they are sent, and responses as flows get them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from integrations.core.errors import RateLimited, TransportError
from integrations.core.http import Flow, Request
from integrations.egress.curl import Finished, FlowDriver, Options, run_flow
from invenicum.version import VERSION
from tests.fakes.http_server import FakeServer, close, hang, json_answer
from tests.integrations.egress.conftest import LOOPBACK, Finish, ask, ok


def test_a_request_is_sent_byte_for_byte_and_its_response_returned(finish: Finish) -> None:
    with FakeServer(lambda request: (201, {"X-One": "1", "Set-Cookie": "a=b"}, b"made")) as server:
        body = "ü\0\r\n".encode()
        finished = finish(ask(Request("POST", f"{server.url}/a?b=%20#c", {"Content-Type": "text/x"}, body)))
    [request] = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/a?b=%20", body)
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": f"Invenicum-Integrations/{VERSION}",
        "accept": "*/*",
        "content-type": "text/x",
        "content-length": str(len(body)),
    }
    response = finished.result
    assert (response.status, response.body, response.headers["x-one"]) == (201, b"made", "1")
    assert (finished.status, finished.excerpt, finished.error) == (201, "made", None)
    assert finished.started_at.utcoffset() == timedelta(0)
    assert 0 < finished.duration < 5


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_works_without_a_body(finish: Finish, method: str) -> None:
    with FakeServer(lambda request: (204, {}, b"")) as server:
        assert finish(ask(Request(method, server.url))).result.status == 204
    [request] = server.requests
    assert request.method == method
    assert request.headers.get("content-length", "0") == "0"
    assert "content-type" not in request.headers


def test_a_reused_handle_keeps_nothing_of_the_request_before(finish: Finish) -> None:
    requests = [
        ("POST", {"X-Secret": "1", "Content-Type": "text/x"}, b"secret"),
        ("GET", {}, b""),
        ("DELETE", {"Authorization": "Bearer 1"}, b"body"),
        ("HEAD", {}, b""),
        ("PUT", {}, b""),
        ("GET", {}, b""),
    ]
    with FakeServer(ok) as server:
        for method, headers, body in requests:
            assert finish(ask(Request(method, server.url, headers, body))).error is None
    assert [(received.method, received.body) for received in server.requests] == [
        (method, body) for method, _, body in requests
    ]
    plain = {"host", "user-agent", "accept", "content-length"}
    for received, (_, headers, _) in zip(server.requests, requests, strict=True):
        assert received.headers.keys() <= plain | {name.lower() for name in headers}


def test_a_request_may_name_its_own_user_agent_and_send_an_empty_header(finish: Finish) -> None:
    with FakeServer(ok) as server:
        finish(ask(Request("GET", server.url, {"User-Agent": "Mine/2", "X-Empty": "", "X-Umlaut": "ü"})))
    headers = server.requests[0].headers
    assert (headers["user-agent"], headers["x-empty"]) == ("Mine/2", "")
    assert headers["x-umlaut"].encode("latin-1").decode() == "ü"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Name": "value\r\nX-Injected: 1"},
        {"X-Name": "value\nX-Injected: 1"},
        {"X-Name\r\nX-Injected": "1"},
        {"X-Name: 1\nX-Injected": "1"},
        {"X Name": "1"},
        {"": "1"},
        {"Content-Length": "1"},
        {"transfer-encoding": "chunked"},
        {"Connection": "upgrade"},
    ],
)
def test_a_header_cannot_break_out_of_its_line_or_the_message_out_of_its_frame(
    finish: Finish, headers: dict[str, Any]
) -> None:
    with FakeServer(ok) as server:
        error = finish(ask(Request("POST", server.url, headers, b"body"))).error
    assert isinstance(error, TransportError)
    assert server.requests == []


def test_a_large_body_arrives_whole(finish: Finish) -> None:
    body = bytes(range(256)) * 4 * 10_000
    with FakeServer(ok) as server:
        assert finish(ask(Request("PUT", server.url, {}, body))).result.status == 200
    assert server.requests[0].body == body
    assert "expect" not in server.requests[0].headers


def test_a_flow_continues_with_each_response(finish: Finish) -> None:
    def flow(url: str) -> Flow[Any]:
        first = yield Request("GET", f"{url}/first")
        second = yield Request.json("POST", f"{url}/second", {"after": first.json()["path"]})
        return second.json()["path"]

    with FakeServer(lambda request: json_answer(200, {"path": request.path})) as server:
        finished = finish(flow(server.url))
    assert finished.result == "/second"
    assert finished.excerpt == '{"path": "/second"}'
    assert server.requests[1].json() == {"after": "/first"}
    assert server.connections == 1


def test_a_flow_may_end_without_a_request(driver: FlowDriver[object]) -> None:
    def flow() -> Flow[Any]:
        yield from ()
        return "nothing to do"

    driver.start("key", flow())
    [finished] = driver.poll(0)
    assert (finished.key, finished.result, finished.status, finished.excerpt) == ("key", "nothing to do", None, "")


def test_a_transport_error_is_raised_in_the_flow_which_can_continue(finish: Finish) -> None:
    def flow(url: str) -> Flow[Any]:
        try:
            yield Request("GET", f"{url}/dead")
        except TransportError as error:
            response = yield Request("GET", url)
            return error.error_class, response.status

    with FakeServer(lambda request: close if request.path == "/dead" else ok(request)) as server:
        assert finish(flow(server.url)).result == ("reset", 200)


def test_the_error_of_a_flow_is_returned_with_the_last_response(finish: Finish) -> None:
    def flow(url: str) -> Flow[Any]:
        yield Request("GET", url)
        raise RateLimited("Slow down.", retry_after=3)

    with FakeServer(lambda request: (429, {}, b"sl\0w")) as server:
        finished = finish(flow(server.url))
    assert isinstance(finished.error, RateLimited)
    assert (finished.status, finished.excerpt) == (429, "sl\N{REPLACEMENT CHARACTER}w")


def test_a_secret_that_the_response_repeats_is_hidden_before_the_excerpt_is_cut(driver: FlowDriver[object]) -> None:
    answer = b"x" * 995 + b"you sent: sesame-open"
    with FakeServer(lambda request: (400, {}, answer)) as server:
        driver.start(1, ask(server.url), secrets=["sesame-open", "x" * 2000])
        [finished] = driver.poll(5)
        driver.start(2, ask(server.url), secrets=["you sent: sesame-open"])
        [cut] = driver.poll(5)
    assert finished.excerpt == "x" * 995 + "you s"
    assert cut.excerpt == "x" * 995 + "[hidd"


def test_a_flow_with_a_defect_does_not_affect_others(driver: FlowDriver[object]) -> None:
    def divide(url: str) -> Flow[float]:
        yield Request("GET", url)
        return 1 / 0

    def babble(url: str) -> Flow[None]:
        yield f"not a request to {url}"  # type: ignore[misc]

    def insist(url: str) -> Flow[None]:
        while True:
            try:
                yield Request("GET", url, {"X": "\n"})
            except TransportError:
                continue

    with FakeServer(ok) as server:
        flows: tuple[Callable[[str], Flow[Any]], ...] = (divide, babble, insist, ask)
        for key in flows:
            driver.start(key, key(server.url))
        finished: dict[object, Finished[object]] = {}
        while driver.in_flight:
            finished |= {one.key: one for one in driver.poll(5)}
        finished |= {one.key: one for one in driver.poll(0)}
    assert isinstance(finished[divide].error, ZeroDivisionError)
    assert isinstance(finished[babble].error, AttributeError)
    assert isinstance(finished[insist].error, TransportError)
    assert finished[ask].result.status == 200


def test_repeated_headers_are_joined_and_interim_responses_left_out(finish: Finish) -> None:
    raw = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nVary: a\r\nvary:  b \r\nContent-Length: 2\r\n\r\nok"
    )
    with FakeServer(lambda request: raw) as server:
        response = finish(ask(server.url)).result
    assert dict(response.headers) == {"vary": "a, b", "content-length": "2"}
    assert "link" not in response.headers


def test_a_dropped_keep_alive_connection_is_not_an_error(finish: Finish) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"  # and the server closes without notice
    with FakeServer(lambda request: answer) as server:
        assert [finish(ask(Request("POST", server.url, {}, b"1"))).status for _ in range(5)] == [200] * 5
    assert server.connections == 5


def test_one_flow_can_be_run_by_itself(options: Options) -> None:
    with FakeServer(lambda request: (404, {}, b"")) as server:
        assert run_flow(ask(server.url), options=options).status == 404
    with pytest.raises(TransportError):
        run_flow(ask(server.url), options=options)


def test_the_policy_comes_from_the_settings(settings: Any) -> None:
    settings.DELIVERY_TIMEOUT = 7.0
    settings.EGRESS_ALLOW = LOOPBACK
    settings.EGRESS_PORTS = frozenset({81})
    settings.EGRESS_DNS_TIMEOUT = 2.0
    settings.EGRESS_PROXY = "http://proxy.example:3128"
    settings.EGRESS_PROXY_RESOLVES = True
    assert Options.from_settings() == Options(
        timeout=7.0,
        allow=LOOPBACK,
        ports=frozenset({81}),
        lookup_timeout=2.0,
        proxy="http://proxy.example:3128",
        proxy_resolves=True,
    )


def test_closing_drops_the_flows_in_flight_and_their_connections(options: Options) -> None:
    closed = []

    def flow(url: str) -> Flow[Any]:
        try:
            yield Request("GET", url)
        finally:
            closed.append(url)

    with FakeServer(lambda request: hang) as server:
        driver = FlowDriver[int](options)
        driver.start(1, flow(server.url))
        assert driver.poll(0.05) == []
        server.wait_for(1)
        driver.close()
    assert closed == [server.url]

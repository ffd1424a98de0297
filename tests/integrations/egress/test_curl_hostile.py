"""Receivers that misbehave, and addresses that must not be reached. Every message can be shown to a user."""

import gzip
import ipaddress
import itertools
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from integrations.core.errors import TimedOut
from integrations.core.http import Flow, Request
from integrations.egress.curl import FlowDriver, Options, run_flow
from tests.fakes.http_server import Answer, Behaviour, FakeServer, Received, close, hang, reset, stream
from tests.integrations.egress.conftest import LOOPBACK, Finish, ask, failure, ok
from tests.services import free_port
from tests.waiting import WAIT_DEADLINE_SECONDS

MIB = 1024 * 1024


def test_a_receiver_that_hangs_costs_the_timeout_and_no_more(finish: Finish) -> None:
    with FakeServer(lambda request: hang) as server:
        finished = finish(ask(f"{server.url}/secret"), timeout=0.3)
        error = failure(finished, "timeout", server.url, "did not answer within 0.3 s")
    assert isinstance(error, TimedOut)
    assert 0.25 < finished.duration < WAIT_DEADLINE_SECONDS / 2
    assert finished.status is None


def test_a_receiver_that_drips_costs_the_timeout_and_no_more(finish: Finish) -> None:
    drops = stream((bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"), seconds_between=0.05)
    with FakeServer(lambda request: drops) as server:
        assert isinstance(finish(ask(server.url), timeout=0.4).error, TimedOut)


def test_all_requests_of_a_flow_share_its_time(finish: Finish) -> None:
    def flow(url: str) -> Flow[Any]:
        while True:
            yield Request("GET", url)

    def slow(request: Received) -> Answer:
        time.sleep(0.5)
        return ok(request)

    with FakeServer(slow) as server:
        finished = finish(flow(server.url), timeout=2)
    assert isinstance(finished.error, TimedOut)
    assert 2 <= len(server.requests) <= 4
    assert finished.duration < WAIT_DEADLINE_SECONDS / 2
    assert finished.status == 200


@pytest.mark.parametrize("behaviour", [reset, close])
def test_a_connection_that_breaks_off_is_a_reset(finish: Finish, behaviour: Behaviour) -> None:
    with FakeServer(lambda request: behaviour) as server:
        failure(finish(ask(f"{server.url}/secret")), "reset", server.url)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\0" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/9.9 999\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_reset(finish: Finish, garbage: bytes) -> None:
    with FakeServer(lambda request: garbage) as server:
        failure(finish(ask(f"{server.url}/secret")), "reset", server.url)


def test_a_redirect_is_an_answer_and_is_not_followed(finish: Finish) -> None:
    with FakeServer(ok) as elsewhere, FakeServer(lambda request: (302, {"Location": elsewhere.url}, b"")) as server:
        response = finish(ask(server.url)).result
    assert (response.status, response.headers["location"]) == (302, elsewhere.url)
    assert elsewhere.requests == []


@pytest.mark.parametrize("announced", [True, False])
def test_of_an_endless_body_64_kib_are_read_and_the_status_counts(finish: Finish, announced: bool) -> None:
    sent = itertools.count()
    start = b"HTTP/1.1 202 Accepted\r\n" + (b"Content-Length: 10000000000\r\n" if announced else b"") + b"\r\n"
    blocks = (b"x" * MIB for number in sent if number < 10_000)
    with FakeServer(lambda request: stream(itertools.chain([start], blocks))) as server:
        finished = finish(ask(server.url))
    assert finished.error is None
    assert (finished.result.status, finished.result.body, finished.excerpt) == (202, b"x" * 65536, "x" * 1000)
    assert finished.duration < 2
    assert next(sent) < 100


def test_a_body_of_exactly_64_kib_leaves_the_connection_usable(finish: Finish) -> None:
    with FakeServer(lambda request: (200, {}, b"x" * 65536)) as server:
        assert [len(finish(ask(server.url)).result.body) for _ in range(3)] == [65536] * 3
    assert server.connections == 1


def test_a_gzip_bomb_is_not_unpacked(finish: Finish) -> None:
    bomb = gzip.compress(b"\0" * 50 * MIB)
    with FakeServer(lambda request: (200, {"Content-Encoding": "gzip"}, bomb)) as server:
        finished = finish(ask(server.url))
    assert finished.result.body == bomb[:65536]
    assert "accept-encoding" not in server.requests[0].headers


def test_an_unrequested_content_encoding_is_not_decoded(finish: Finish) -> None:
    bomb = gzip.compress(b"\0" * MIB)
    with FakeServer(lambda request: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + bomb) as server:
        failure(finish(ask(server.url)), "reset")


@pytest.mark.parametrize("line", [b"X-Long: " + b"x" * MIB + b"\r\n", b"X-Many: 1\r\n" * 100_000])
def test_a_megabyte_of_headers_does_not_hurt(finish: Finish, line: bytes) -> None:
    raw = b"HTTP/1.1 200 OK\r\n" + line + b"\r\n"
    with FakeServer(lambda request: stream(iter([raw]))) as server:
        error = failure(finish(ask(f"{server.url}/secret")), "reset", "more headers than are read")
    assert len(error.message) < 200


def test_endless_interim_responses_do_not_hurt(finish: Finish) -> None:
    interim = b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 1000 + b"\r\n\r\n"
    with FakeServer(lambda request: stream(itertools.repeat(interim * 100))) as server:
        failure(finish(ask(server.url)), "reset")


def test_a_refused_port_is_refused(finish: Finish) -> None:
    port = free_port()
    failure(finish(ask(f"http://127.0.0.1:{port}/secret")), "refused", f"http://127.0.0.1:{port}", "refused")


@pytest.mark.parametrize("port", [1, 22, 25, 389, 1023])
def test_a_port_of_another_kind_of_service_is_not_connected_to(finish: Finish, port: int) -> None:
    for host in ("127.0.0.1", "localhost", "8.8.8.8"):
        failure(finish(ask(f"http://{host}:{port}/secret")), "blocked", f"uses port {port}", "EGRESS_PORTS")


def test_the_operator_can_allow_a_port() -> None:
    with FlowDriver[None](Options(allow=LOOPBACK, ports=frozenset({2}))) as driver:
        driver.start(None, ask("http://127.0.0.1:2/"))
        [finished] = driver.poll(WAIT_DEADLINE_SECONDS)
        failure(finished, "refused")


def test_a_port_that_refuses_and_a_host_that_is_unreachable_give_the_same_error() -> None:
    unreachable = ipaddress.ip_network("240.0.0.0/4")  # the system has no way there
    options = Options(timeout=WAIT_DEADLINE_SECONDS, allow=(*LOOPBACK, unreachable))
    messages = set()
    with FlowDriver[int](options) as driver:
        for host in ("127.0.0.1", "240.0.0.1"):
            driver.start(1, ask(f"http://{host}:{free_port()}/secret"))
            [finished] = driver.poll(WAIT_DEADLINE_SECONDS)
            if not isinstance(finished.error, TimedOut):  # some systems do not say that there is no way
                messages.add(failure(finished, "refused").message.split(" ", 1)[1])
    assert messages == {"refused the connection or could not be reached."}


def test_a_host_that_never_accepts_costs_the_connect_timeout(options: Options) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        impatient = Options(timeout=WAIT_DEADLINE_SECONDS, connect_timeout=0.3, allow=LOOPBACK)
        with FlowDriver[None](impatient) as driver:
            driver.start(None, ask(f"http://127.0.0.1:{address[1]}/secret"))
            [finished] = driver.poll(60)
        failure(finished, "timeout", "could not be reached within 0.3 s")
        for filler in fillers:
            filler.close()


def test_a_name_that_does_not_resolve_is_a_dns_failure(finish: Finish) -> None:
    failure(finish(ask("http://no-such-host.invalid/secret")), "dns", "http://no-such-host.invalid", "does not resolve")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "127.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_no_spelling_of_a_private_address_is_connected_to(host: str) -> None:
    with FakeServer(ok) as server, FlowDriver[None](Options()) as driver:
        for _ in range(2):  # a second try finds no connection to slip through
            driver.start(None, ask(f"http://{host}:{server.port}/secret"))
            [finished] = driver.poll(60)
            failure(finished, "blocked", f"http://{host}:{server.port}", "EGRESS_ALLOW")
    assert server.connections == 0


def test_one_inner_address_may_be_allowed_while_its_neighbour_is_not(finish: Finish) -> None:
    with FakeServer(ok) as server:
        assert finish(ask(f"http://2130706433:{server.port}/")).status == 200
        assert finish(ask(f"http://[::ffff:127.0.0.1]:{server.port}/")).status == 200
        failure(finish(ask(f"http://0.0.0.0:{server.port}/")), "blocked", "an unspecified address")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://user:secret@127.0.0.1:{port}/", "user name or password"),
        ("http://secret@127.0.0.1:{port}/", "user name or password"),
        ("ftp://127.0.0.1:{port}/secret", "http:// or https://"),
        ("file:///etc/secret", "http:// or https://"),
        ("gopher://127.0.0.1:{port}/_secret", "http:// or https://"),
        ("dict://127.0.0.1:{port}/secret", "http:// or https://"),
        ("http://127.0.0.1:{port}/\r\nX-Secret: secret", "not a valid address"),
        ("http://127.0.0.1:{port}/\0secret", "not a valid address"),
        ("http://[::1/secret", "not a valid address"),
        ("http://127.0.0.1:99999/secret", "not a valid address"),
        ("", ""),
    ],
)
def test_a_url_that_is_not_acceptable_is_not_tried(finish: Finish, url: str, words: str) -> None:
    with FakeServer(ok) as server:
        error = failure(finish(ask(url.format(port=server.port))), "blocked", words)
    assert error.fault == "target"
    assert server.connections == 0


def test_proxy_variables_of_the_environment_are_ignored(
    options: Options, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login secret password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with FakeServer(ok) as proxy, FakeServer(ok) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert run_flow(ask(server.url), options=options).status == 200
    assert proxy.connections == 0
    assert "authorization" not in server.requests[0].headers


def test_a_proxy_from_the_settings_is_used_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer(ok) as proxy:
        monkeypatch.setenv("no_proxy", "*")
        options = Options(proxy=proxy.url, proxy_resolves=True)
        assert run_flow(ask("http://example.com/a"), options=options).status == 200
    assert proxy.requests[0].path == "http://example.com/a"


def test_cookies_are_neither_kept_nor_sent(finish: Finish) -> None:
    with FakeServer(lambda request: (200, {"Set-Cookie": "a=b; Path=/"}, b"")) as server:
        for _ in range(2):
            finish(ask(server.url))
    assert all("cookie" not in request.headers for request in server.requests)

"""Which servers are accepted over TLS."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

import pytest

from integrations.egress.curl import FlowDriver, Options, run_flow
from tests.fakes.certificates import Authority
from tests.fakes.http_server import FakeServer
from tests.integrations.egress.conftest import LOOPBACK, Finish, ask, failure, ok


def test_a_certificate_of_a_trusted_authority_is_accepted(finish: Finish, authority: Authority) -> None:
    with FakeServer(ok, tls=authority.server("127.0.0.1")) as server:
        assert [finish(ask(server.url)).result.status for _ in range(2)] == [200, 200]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("hosts", "expired", "words"),
    [
        (("localhost",), False, "127.0.0.1"),
        (("example.com", "127.0.0.2"), False, ""),
        (("127.0.0.1",), True, "expired"),
    ],
)
def test_a_certificate_for_another_name_or_time_is_refused(
    finish: Finish, authority: Authority, hosts: tuple[Any, ...], expired: bool, words: str
) -> None:
    with FakeServer(ok, tls=authority.server(*hosts, expired=expired)) as server:
        failure(finish(ask(f"{server.url}/secret")), "tls", server.url, words)
    assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    with FakeServer(ok, tls=authority.server("127.0.0.1")) as server:
        with FlowDriver[None](Options(allow=LOOPBACK)) as driver:
            driver.start(None, ask(f"{server.url}/secret"))
            [finished] = driver.poll(60)
        failure(finished, "tls", "could not be trusted", "certificate")
    assert server.requests == []


@pytest.mark.filterwarnings("ignore:.*TLSv1:DeprecationWarning")
def test_an_outdated_tls_version_is_refused(finish: Finish, authority: Authority) -> None:
    context = authority.server("127.0.0.1")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with FakeServer(ok, tls=context) as server:
        failure(finish(ask(server.url)), "tls")


def test_https_to_a_server_that_speaks_http_is_a_tls_failure(finish: Finish) -> None:
    def answer(listener: Any) -> None:
        connection, _ = listener.accept()
        with connection, suppress(ConnectionError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        failure(finish(ask(f"https://127.0.0.1:{listener.getsockname()[1]}/secret")), "tls")


def test_certificates_come_from_where_the_environment_says(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with FakeServer(ok, tls=authority.server("127.0.0.1")) as server:
        assert run_flow(ask(server.url), options=Options(allow=LOOPBACK)).status == 200

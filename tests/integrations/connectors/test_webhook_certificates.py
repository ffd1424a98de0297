"""A client certificate and authorities of one's own, against servers that speak TLS."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from integrations.connectors.webhook import Webhook
from integrations.core.errors import InvalidConfig, TransportError
from integrations.egress.curl import FlowDriver, run_flow
from invenicum.accounts.models import User
from tests.fakes.certificates import Authority
from tests.fakes.http_server import FakeServer
from tests.flows import CREATED

SECRET = "a-secret-that-both-sides-have"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def config(url: str, **more: Any) -> Webhook.Config:
    return Webhook.Config.parse({"url": url, "secret": SECRET, **more})


def identity(authority: Authority, name: str) -> dict[str, str]:
    certificate, key = authority.client(name)
    return {"certificate": certificate, "certificateKey": key, "authorities": authority.path.read_text()}


def deliver(config: Webhook.Config) -> None:
    run_flow(Webhook().deliver(CREATED, config, int(time.time())))


def test_a_server_that_asks_for_a_certificate_gets_it(authority: Authority) -> None:
    with FakeServer(lambda request: (200, {}, b""), tls=authority.server("127.0.0.1", asks=True)) as server:
        deliver(config(server.url, **identity(authority, "alice")))
        assert [request.client for request in server.requests] == ["alice"]
        with pytest.raises(TransportError) as caught:
            deliver(config(server.url, authorities=authority.path.read_text()))
        assert caught.value.error_class in ("tls", "reset")


def test_a_private_authority_is_trusted_by_the_integration_that_names_it_only(authority: Authority) -> None:
    with FakeServer(lambda request: (200, {}, b""), tls=authority.server("127.0.0.1")) as server:
        deliver(config(server.url, authorities=authority.path.read_text()))
        with pytest.raises(TransportError) as caught:
            deliver(config(server.url))
        assert caught.value.error_class == "tls"


def test_another_authority_is_trusted_instead_not_beside(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with (
        FakeServer(lambda request: (200, {}, b""), tls=authority.server("127.0.0.1")) as server,
        pytest.raises(TransportError),
    ):
        deliver(config(server.url, authorities=other.path.read_text()))


def test_no_connection_of_one_integration_is_used_for_another(authority: Authority) -> None:
    """One driver, as in a worker, keeps the connections of all of them in one pool."""
    people = ("alice", "bob", "charlie")
    with FakeServer(lambda request: (200, {}, b""), tls=authority.server("127.0.0.1", asks=True)) as server:
        configs = {name: config(f"{server.url}/{name}", **identity(authority, name)) for name in people}
        configs["anonymous"] = config(f"{server.url}/anonymous", authorities=authority.path.read_text())
        configs["stranger"] = config(f"{server.url}/stranger")
        with FlowDriver[str]() as driver:
            failed = []
            for name in (*people, "anonymous", "stranger", *people, "stranger", "anonymous", *people):
                driver.start(name, Webhook().deliver(CREATED, configs[name], int(time.time())))
                while driver.in_flight:
                    failed += [end.key for end in driver.poll(60) if end.error]
    assert sorted(failed) == ["anonymous", "anonymous", "stranger", "stranger"]
    assert [(request.path, request.client) for request in server.requests] == [
        (f"/{name}", name) for name in people * 3
    ]
    by_person = {name: {one.connection for one in server.requests if one.client == name} for name in people}
    assert [len(connections) for connections in by_person.values()] == [1, 1, 1], "each keeps its own"


def test_many_at_once_each_show_their_own(authority: Authority) -> None:
    people = [f"person-{number}" for number in range(8)]
    with FakeServer(lambda request: (200, {}, b""), tls=authority.server("127.0.0.1", asks=True)) as server:
        configs = {name: config(f"{server.url}/{name}", **identity(authority, name)) for name in people}
        with FlowDriver[str]() as driver:
            for name in people * 5:
                driver.start(name, Webhook().deliver(CREATED, configs[name], int(time.time())))
            while driver.in_flight:
                assert not [end.error for end in driver.poll(60) if end.error]
    assert len(server.requests) == 40
    assert all(request.path == f"/{request.client}" for request in server.requests)


def pem_of_key(encryption: Any) -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def test_what_does_not_fit_together_is_refused_when_it_is_saved(authority: Authority) -> None:
    certificate, key = authority.client("alice")
    other, _ = authority.client("bob")
    cases: list[tuple[dict[str, str], str, str]] = [
        ({"certificate": certificate}, "certificateKey", "required"),
        ({"certificate": other, "certificateKey": key}, "certificateKey", "not the key"),
        ({"certificate": certificate, "certificateKey": pem_of_key(NoEncryption())}, "certificateKey", "not the key"),
        (
            {"certificate": certificate, "certificateKey": pem_of_key(BestAvailableEncryption(b"pass"))},
            "certificateKey",
            "passphrase",
        ),
        ({"certificate": certificate, "certificateKey": "nonsense"}, "certificateKey", "PEM form"),
        ({"certificate": "nonsense", "certificateKey": key}, "certificate", "PEM form"),
        ({"certificate": key, "certificateKey": key}, "certificate", "PEM form"),
        ({"authorities": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, "authorities", "PEM form"),
        ({"authorities": authority.path.read_text() * 11}, "authorities", "10 certificates"),
        ({"authorities": "x" * 20_001}, "authorities", "20000 characters"),
    ]
    for values, field, says in cases:
        with pytest.raises(InvalidConfig, match=says) as caught:
            config("https://example.com/", **values)
        assert list(caught.value.details) == [field]
        assert "BEGIN PRIVATE KEY-----\nM" not in str(caught.value)


@pytest.mark.parametrize(
    ("days", "says"),
    [(40, None), (29, "The client certificate expires on"), (-1, "The client certificate expired on")],
)
@pytest.mark.django_db
def test_the_status_tells_when_a_certificate_expires(
    api: Any, alice: User, authority: Authority, days: float, says: str | None
) -> None:
    certificate, key = authority.client("alice", days=days)
    values = {"url": "https://example.com/", "certificate": certificate, "certificateKey": key}
    assert api(alice).post("/integrations", {"type": "webhook", "config": values}).status_code == 200
    read = api(alice).get("/integrations/webhook").json()["data"]
    day = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%d")
    assert read["statusReason"] == (says and f"{says} {day}: replace it.")
    assert (read["status"], read["secrets"]["certificateKey"]) == ("active", True)
    assert "certificateKey" not in read["config"]
    assert key not in api(alice).get("/integrations/webhook").content.decode()

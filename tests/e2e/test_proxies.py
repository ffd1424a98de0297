"""The proxies of `deploy/` in front of the service, called from outside."""

import hashlib
import hmac
import json
import sqlite3
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.proxies import HOST, PROXIES, Answer, Proxy, token_in
from tests.e2e.running import Run
from tests.services import free_port
from tests.tools import tool
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

MEBIBYTE = 1024 * 1024
HOOK_SECRET = "hook-secret-1"
CONFIG = {"apiKey": "ghp_xxxxxxxxxxxxx", "organization": "o", "repository": "r", "webhookSecret": HOOK_SECRET}


@dataclass(frozen=True, slots=True)
class Site:
    """A running service with a proxy in front."""

    run: Run
    proxy: Proxy

    def api(self, method: str, path: str, body: Any = None, **options: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {token_in(self.run.output)}",
            "Content_Type": "application/json",
            **options,
        }
        return self.proxy.ask(method, f"/api/v1{path}", body and json.dumps(body).encode(), **headers)


@pytest.fixture(scope="module", params=list(PROXIES))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tool(request.param)
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    run = Run(
        folder,
        BEHIND_PROXY="true",
        PUBLIC_URL=f"https://{HOST}:{port}",
        OAUTH_DROPBOX_CLIENT_ID="id",
        OAUTH_DROPBOX_CLIENT_SECRET="secret",
    )
    try:
        run.wait_for("received asset.created")
        (folder / "proxy").mkdir()
        with PROXIES[request.param](folder / "proxy", run.port, port) as proxy:
            yield Site(run, proxy)
    finally:
        run.process.terminate()
        run.process.wait(WAIT_DEADLINE_SECONDS)


def test_links_name_the_public_address(site: Site) -> None:
    for number in range(2):
        assert site.api("POST", "/assets", {"name": f"{number}.jpg"}).status == 201
    first = site.api("GET", "/assets?limit=1")
    assert first.json()["next"].startswith(f"{site.proxy.url}/api/v1/assets?")
    assert site.api("GET", first.json()["next"].removeprefix(f"{site.proxy.url}/api/v1")).status == 200


def test_the_service_knows_that_it_is_reached_with_tls(site: Site) -> None:
    answer = site.proxy.ask("GET", "/healthy", X_Forwarded_Proto="http")
    assert "strict-transport-security" in answer.headers


def test_a_slash_at_the_end_changes_nothing(site: Site) -> None:
    assert site.api("GET", "/integrations/status/").body == site.api("GET", "/integrations/status").body


def test_a_large_hook_is_passed_on(site: Site) -> None:
    assert site.api("POST", "/integrations", {"type": "github", "config": CONFIG}).status == 200
    body = json.dumps({"repository": {"full_name": "o/r"}, "text": "x" * 3 * MEBIBYTE}).encode()
    signature = hmac.new(HOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X_Hub_Signature_256": f"sha256={signature}", "X_GitHub_Event": "push", "X_GitHub_Delivery": "d-1"}
    url = site.api("GET", "/integrations/github").json()["data"]["inboundUrl"]
    assert url.startswith(f"{site.proxy.url}/webhooks/github/")
    answer = site.proxy.ask("POST", urlsplit(url).path, body, Content_Type="application/json", **headers)
    assert answer.status == 202, answer.body


@pytest.mark.parametrize(
    ("path", "size"),
    [("/api/v1/assets", MEBIBYTE), ("/integrations/test", 3 * MEBIBYTE), ("/webhooks/github", 25 * MEBIBYTE)],
)
def test_a_body_too_large_gets_the_error_of_the_service(site: Site, path: str, size: int) -> None:
    headers = {"Authorization": f"Bearer {token_in(site.run.output)}", "Content_Type": "application/json"}
    fits = site.proxy.ask("POST", path, b" " * MEBIBYTE, **headers)
    assert fits.status in (400, 401)
    # Announced, not sent: a proxy may close the connection on a client that is still sending.
    answer = site.proxy.ask("POST", path, b" ", Content_Length=str(size + 1), **headers)
    assert (answer.status, answer.headers.get("content-type")) == (413, "application/json")
    assert (answer.json()["success"], answer.json()["error"]) == (False, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}//", "/{}", "/.{}", "{}?x=1"])
def test_probes_are_not_reached_from_outside(site: Site, path: str, spelling: str) -> None:
    spelled = spelling.format(path)
    for asked in (spelled, spelled.replace("e", "%65")):
        answer = site.proxy.ask("GET", asked)
        assert answer.status in (404, 308), asked
        assert b"ok" not in answer.body
        assert b"invenicum_" not in answer.body


def test_the_address_in_the_audit_trail_is_the_clients_own(site: Site) -> None:
    began = site.api("GET", "/integrations/oauth/authorize/dropbox")
    cookie = began.headers["set-cookie"].partition(";")[0]
    path = f"/integrations/oauth/callback/dropbox?state={began.json()['state']}&error=access_denied"
    spoofed = {"X_Forwarded_For": "203.0.113.9", "X_Real_IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    answer = site.api("GET", path, source="127.0.0.77", Cookie=cookie, Accept="application/json", **spoofed)
    assert (answer.status, answer.json()["error"]) == (400, "OAUTH_ERROR")
    database = Path(site.run.environment["DATA_DIR"]) / "db.sqlite3"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT address FROM audit_auditentry ORDER BY id DESC LIMIT 1").fetchall() == [
            ("127.0.0.77",)
        ]


def test_the_log_has_the_requests_id_and_no_query(site: Site) -> None:
    answer = site.proxy.ask("GET", "/integrations/oauth/callback/dropbox?code=s3cr3t-code", X_Request_Id="req-77")
    assert answer.headers["x-request-id"] == "req-77"
    wait_until(lambda: "req-77" in site.proxy.log(), "the proxy has logged the request with its id")
    assert "s3cr3t" not in site.proxy.log()


def test_clients_that_are_slow_are_cut_off_and_delay_nobody(site: Site) -> None:
    with ExitStack() as running:
        request = f"POST /api/v1/assets HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        slow = []
        for sent in (f"{request}X-Name: ", f"{request}Content-Length: 100\r\n\r\n{{"):
            for _ in range(50):
                client = running.enter_context(site.proxy.connect())
                client.sendall(sent.encode())
                slow.append(client)
        began = time.monotonic()
        assert site.api("GET", "/assets?limit=1").status == 200
        assert time.monotonic() - began < 4
        # Caddy waits for bodies a good while longer.
        for client in slow if site.proxy.name == "nginx" else slow[:50]:
            while _receive(client):
                pass


def _receive(client: ssl.SSLSocket) -> bytes:
    try:
        return client.recv(65536)
    except (ConnectionResetError, ssl.SSLEOFError):
        return b""


def test_one_address_has_a_bounded_number_of_requests_under_way(site: Site) -> None:
    if site.proxy.name != "nginx":
        pytest.skip("Caddy has no such limit")
    with ExitStack() as running:
        request = f"POST /api/v1/assets HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100\r\n\r\n{{"
        for _ in range(80):
            running.enter_context(site.proxy.connect()).sendall(request.encode())
        # nginx counts a request once it has read its headers.
        answers: list[Answer] = []

        def is_refused() -> bool:
            answers.append(site.api("GET", "/assets?limit=1"))
            return answers[-1].status == 429

        wait_until(is_refused, "a request more is refused")
        assert (answers[-1].json()["error"], answers[-1].headers["retry-after"]) == ("RATE_LIMITED", "2")
        assert site.api("GET", "/assets?limit=1", source="127.0.0.78").status == 200

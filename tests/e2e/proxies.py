"""nginx and Caddy as `deploy/` has them, in front of a running service."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.e2e.running import ROOT
from tests.fakes.certificates import Authority
from tests.services import end_with_parent, free_port, wait_for_port
from tests.tools import tool
from tests.waiting import WAIT_DEADLINE_SECONDS

HOST = "integrations.example.com"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that serves HOST with TLS on a port of this machine, and its log."""

    name: str
    port: int
    log: Callable[[], str]

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    def connect(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """A connection with TLS from the address `source`."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), WAIT_DEADLINE_SECONDS, (source, 0))
        return context.wrap_socket(plain, server_hostname=HOST)

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, source: str = "127.0.0.1", **headers: str
    ) -> Answer:
        """One request from the address `source`; underscores in header names become dashes."""
        connection = HTTPConnection(HOST, self.port, timeout=WAIT_DEADLINE_SECONDS)
        connection.sock = self.connect(source)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()


@contextmanager
def nginx(folder: Path, service_port: int, port: int) -> Iterator[Proxy]:
    """deploy/nginx.conf with a name's certificate, this machine's ports and folders, as an operator fills it in."""
    Authority(folder).server(HOST)
    text = (ROOT / "deploy/nginx.conf").read_text()
    for written, filled in (
        ("127.0.0.1:8000", f"127.0.0.1:{service_port}"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        (f"/etc/ssl/{HOST}/fullchain.pem", str(folder / f"{HOST}.pem")),
        (f"/etc/ssl/{HOST}/privkey.pem", str(folder / f"{HOST}.pem")),
        ("/var/log/nginx/", f"{folder}/"),
        # Fewer, so that a slow machine opens more than these before the proxy cuts off the first.
        ("limit_conn invenicum_integrations 256;", "limit_conn invenicum_integrations 64;"),
    ):
        assert written in text, written
        text = text.replace(written, filled)
    (folder / "site.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/nginx.log; worker_processes 1;"
        f"{'user root;' if os.getuid() == 0 else ''} events {{}} http {{ {temporary} include {folder}/site.conf; }}"
    )
    command = [tool("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "nginx.log")]
    check = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=WAIT_DEADLINE_SECONDS)
    assert check.returncode == 0, check.stderr
    assert "warn" not in check.stderr
    with _running(command, port, folder, {}):
        yield Proxy("nginx", port, (folder / "integrations.access.log").read_text)


@contextmanager
def caddy(folder: Path, service_port: int, port: int) -> Iterator[Proxy]:
    """deploy/Caddyfile with this machine's ports, and a certificate of Caddy's own authority."""
    text = (ROOT / "deploy/Caddyfile").read_text()
    assert "127.0.0.1:8000" in text
    options = f"admin off\nlocal_certs\nskip_install_trust\nhttp_port {free_port()}\nhttps_port {port}\n"
    file = folder / "Caddyfile"
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{service_port}")
    assert "\n{\n" in text
    file.write_text(text.replace("\n{\n", f"\n{{\n{options}", 1))
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [tool("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"]
    with _running(command, port, folder, home):
        yield Proxy("caddy", port, (folder / "output").read_text)


@contextmanager
def _running(command: list[str], port: int, folder: Path, more: dict[str, str]) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **more}, stdout=output, stderr=output, preexec_fn=end_with_parent
        )
    try:
        wait_for_port(port)
        yield
    finally:
        process.terminate()
        process.wait(WAIT_DEADLINE_SECONDS)


PROXIES = {"nginx": nginx, "caddy": caddy}


def token_in(output: str) -> str:
    found = re.search(r"Token +(\S+)", output)
    assert found is not None
    return found[1]

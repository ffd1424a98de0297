"""oidc-provider for Node.js, a certified authorization server: https://github.com/panva/node-oidc-provider

`make oidc-provider` installs the npm package; OIDC_PROVIDER names its folder if it is elsewhere.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

from integrations.core.client_credentials import ClientCredentials
from tests.oauth_flows.consent import NoRedirect
from tests.services import end_with_parent, free_port, wait_for_port
from tests.tools import tool

ROOT = Path(__file__).resolve().parents[2]
CLIENT_ID, CLIENT_SECRET = "invenicum-client", "the client's secret: 100% + more"
MAX_STEPS = 10


@dataclass(frozen=True)
class OidcProvider:
    """The running server. People sign in by any address, which is theirs."""

    url: str

    @property
    def endpoints(self) -> dict[str, str]:
        """For the setting PROVIDER_ENDPOINTS."""
        return {
            "authorizeUrl": f"{self.url}/auth",
            "tokenUrl": f"{self.url}/token",
            "identityUrl": f"{self.url}/me",
            "revokeUrl": f"{self.url}/token/revocation",
        }

    @property
    def service(self) -> ClientCredentials:
        """A client that acts on its own."""
        return ClientCredentials(f"{self.url}/token", f"{CLIENT_ID}-of-a-service", CLIENT_SECRET)

    def consent(self, authorization_url: str, email: str, redirect_uri: str) -> dict[str, str]:
        """What it adds to the callback's address after `email` has signed in and agreed."""
        opener = build_opener(HTTPCookieProcessor(CookieJar()), NoRedirect())
        request = Request(authorization_url)
        for _ in range(MAX_STEPS):
            try:
                response = opener.open(request)
            except HTTPError as redirect:
                response = redirect
            location = urljoin(request.full_url, response.headers.get("location", ""))
            if location.startswith(redirect_uri):
                return dict(parse_qsl(urlsplit(location).query))
            if response.status in (302, 303):
                request = Request(location)
                continue
            page = response.read().decode()
            prompt = "login" if 'name="login"' in page else "consent"
            form = {"prompt": prompt, "login": email, "password": "any"}
            request = Request(request.full_url, urlencode(form).encode())
        raise AssertionError("It never came back.")

    def knows(self, token: str) -> bool:
        """Whether a token is valid (RFC 7662)."""
        form = {"token": token, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        with urlopen(f"{self.url}/token/introspection", urlencode(form).encode()) as response:
            return bool(json.load(response)["active"])


@contextmanager
def oidc_provider(redirect_uri: str, scopes: Sequence[str]) -> Iterator[OidcProvider]:
    """Runs the server, which knows our client with this `redirect_uri`, and offers these `scopes`."""
    node, folder = tool("node"), tool("oidc-provider")
    port = free_port()
    script = str(Path(__file__).with_suffix(".mjs"))
    setup = (folder, str(port), CLIENT_ID, CLIENT_SECRET, redirect_uri, " ".join(scopes))
    process = subprocess.Popen(
        [node, script, *setup],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    try:
        wait_for_port(port)
        yield OidcProvider(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()

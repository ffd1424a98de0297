"""A browser or a program that uses the service from outside, through nginx."""

import secrets
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

NAME = "integrations.example.test"  # the service's; nginx answers for it at the loopback address


class Client(requests.Session):
    """Reaches the service by its name and checks its certificate. token: of the API; without one, a browser."""

    def __init__(self, authority: Path, token: str) -> None:
        super().__init__()
        self.trust_env = False  # REQUESTS_CA_BUNDLE would come before
        self.verify = str(authority)
        self.headers["Host"] = NAME
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.mount("https://", _ToLoopback())

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.request(method, f"https://{NAME}{path}", timeout=30, allow_redirects=False, **options)

    def publish(self, count: int, key: str = "") -> list[str]:
        """Publishes events in one request. Returns their ids. key: sent again with the same one, it does nothing."""
        events = [{"event": "asset.created", "data": {"assetId": f"a-{n}", "name": "Logo.svg"}} for n in range(count)]
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        response = self.ask("POST", "/api/v1/events", json={"events": events}, headers=headers)
        response.raise_for_status()
        return [event["id"] for event in response.json()["data"]]

    def feed(self) -> list[str]:
        """The ids of all events that there are, in order."""
        ids: list[str] = []
        while True:
            page = self.ask("GET", "/api/v1/events", params={"limit": 100, **({"after": ids[-1]} if ids else {})})
            page.raise_for_status()
            ids += [event["id"] for event in page.json()["data"]]
            if not page.json()["next"]:
                return ids


class _ToLoopback(HTTPAdapter):
    """Opens connections to the loopback address, for the name that the URL has."""

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        return host | {"host": "127.0.0.1"}, pool | {"server_hostname": NAME, "assert_hostname": NAME}

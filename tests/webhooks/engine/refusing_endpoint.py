"""An endpoint that refuses what it is told to, and what its owner sees."""

from __future__ import annotations

from typing import Any

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.fakes.http_server import Answer, FakeServer, Received


class Endpoint(FakeServer):
    """Answers all requests with `status`, those about an asset in `statuses` with another one."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(self._handle)
        self.status = status
        self.statuses: dict[str, int] = {}

    def _handle(self, request: Received) -> Answer:
        asset = request.json()["data"].get("assetId", "")
        return self.statuses.get(asset, self.status), {}, b""

    @property
    def assets(self) -> list[str]:
        return [request.json()["data"].get("assetId", "test") for request in self.requests]


def many(owner: User, count: int) -> None:
    publish_many([Draft(owner, "asset.created", {"assetId": f"asset-{number}"}) for number in range(count)])


def read(client: Any, what: str = "") -> dict[str, Any]:
    data: dict[str, Any] = client.get(f"/integrations/webhook{what}").json()["data"]
    return data

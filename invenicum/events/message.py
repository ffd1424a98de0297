"""The frozen value that connectors receive: one event, ready to be sent."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Message:
    """One event on its way to one integration.

    `id` is the event's public id (`evt_…`), the same on every attempt; `body` is the JSON that was encoded
    when the event was published (`{"event", "timestamp", "data"}`); `document` is the asset as it was
    then, or None if the publisher did not know it (an event from outside). `delivery` is the delivery's public id
    (`dlv_…`), also the same on every attempt; empty before there is one. `traceparent` is the place in a trace that it
    is sent at, as in the header of this name (https://www.w3.org/TR/trace-context/); empty without traces.
    """

    id: str
    name: str
    occurred_at: datetime
    body: bytes
    document: dict[str, Any] | None = None
    delivery: str = ""
    traceparent: str = ""

    @cached_property
    def data(self) -> dict[str, Any]:
        """The event's data, as in the body."""
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data

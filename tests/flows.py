"""Drives a connector's flow with prepared responses, and returns its result and its requests."""

import json
from datetime import UTC, datetime
from typing import Any

from integrations.core.connector import Connector
from integrations.core.http import Flow, Request, Response
from integrations.core.memory import Notes, with_memory
from invenicum.events.message import Message

EVENT_ID = "evt_0199c0de00007000800000000000abcd"


def delivery(
    connector: Connector, event: Message, config: Any, now: int = 0, notes: Notes | None = None
) -> Flow[float | None]:
    """The flow of a delivery as the engine drives it: it yields requests only. It remembers in `notes`."""
    return with_memory(connector.deliver(event, config, now), notes or Notes())


def play(flow: Flow[Any], *answers: Response | Exception) -> tuple[Any, list[Request]]:
    """The flow's result and its requests. It must yield exactly as many requests as there are answers."""
    requests = []
    try:
        request = next(flow)
        for answer in answers:
            requests.append(request)
            request = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
    except StopIteration as done:
        assert len(requests) == len(answers), f"{len(answers) - len(requests)} answers were left over"
        return done.value, requests
    raise AssertionError(f"one request more than expected: {request.method} {request.url}")


def json_response(status: int, payload: Any, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json", **names}, json.dumps(payload).encode())


def text_response(status: int, text: str = "", **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, text.encode())


def body_of(request: Request) -> Any:
    return json.loads(request.body)


def message(name: str, data: dict[str, Any], document: dict[str, Any] | None = None) -> Message:
    body = {"event": name, "timestamp": "2026-03-07T10:30:00Z", "data": data}
    moment = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
    return Message(EVENT_ID, name, moment, json.dumps(body, separators=(",", ":")).encode(), document)


# The payloads in the API specification.
CREATED = message(
    "asset.created",
    {
        "assetId": "asset-123",
        "name": "Product Photo.jpg",
        "category": "Images",
        "createdBy": "user-456",
        "url": "https://cdn.invenicum.com/assets/asset-123",
    },
)
UPDATED = message(
    "asset.updated",
    {
        "assetId": "asset-123",
        "changes": {
            "name": {"old": "Product Photo.jpg", "new": "Hero Image.jpg"},
            "tags": {"added": ["featured"], "removed": ["draft"]},
        },
        "updatedBy": "user-789",
    },
)
DELETED = message("asset.deleted", {"assetId": "asset-123", "name": "Deprecated Asset.jpg", "deletedBy": "user-456"})
PING = message("ping", {})
REPORT = message("report.ready", {"title": "Weekly report", "rows": 42, "url": "https://reports.example/7"})

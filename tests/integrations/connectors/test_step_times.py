"""No event of the largest size makes a connector compute for long, whatever its shape: all share one thread."""

import gc
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.core.connector import Connector
from integrations.core.errors import IntegrationError
from integrations.core.http import Request, Response
from integrations.registry import CONNECTORS
from invenicum.events.message import Message
from tests.flows import delivery, json_response, message
from tests.integrations.connectors.examples import EXAMPLES
from webhooks.engine.values import GROUP_MOST_BYTES, GROUP_MOST_DELIVERIES

EVENT_BYTES = 250_000
SLOW_MACHINE = 4
MOST_SECONDS = 0.05 * SLOW_MACHINE
MAX_STEPS = 8


@pytest.fixture(autouse=True)
def frozen_heap() -> Iterator[None]:
    """As in a worker: what the tests have loaded costs the garbage collector nothing."""
    gc.freeze()
    yield
    gc.unfreeze()


def many(item: str) -> list[Any]:
    """As many of the item, JSON, as fit into an event."""
    found: list[Any] = json.loads(f"[{','.join([item] * (EVENT_BYTES // (len(item) + 1)))}]")
    return found


def named(value: str, *, prefix: str = "") -> dict[str, Any]:
    """An object of as many different names, each with the value, as fit into an event."""
    count = EVENT_BYTES // (len(prefix) + len(value) + 9)
    found: dict[str, Any] = json.loads(
        "{" + ",".join(f'"{prefix}{number:05}":{value}' for number in range(count)) + "}"
    )
    return found


def nested(levels: int, inner: Any = None) -> Any:
    return json.loads("[" * levels + json.dumps(inner) + "]" * levels)


SHAPES: dict[str, Callable[[], dict[str, Any]]] = {
    "a long text": lambda: {"name": "x" * EVENT_BYTES},
    "a long text of marks": lambda: {"name": "*_<@&`" * (EVENT_BYTES // 6), "category": "*"},
    "a long text of spaces": lambda: {"name": " " * EVENT_BYTES, "category": "\u202e" * 1000},
    "a long address": lambda: {"url": "https://a.example/" + "&" * EVENT_BYTES},
    "a long id": lambda: {"assetId": "a" * EVENT_BYTES},
    "many empty lists": lambda: {"tags": many("[]")},
    "many empty texts": lambda: {"tags": many('""')},
    "many empty fields": lambda: named('""'),
    "many null fields": lambda: named("null"),
    "many fields": lambda: named("1"),
    "many fields of lists": lambda: named("[[]]"),
    "many changes": lambda: {"changes": named('{"old":1,"new":2}')},
    "many changes of nothing": lambda: {"changes": named("1")},
    "many empty changes": lambda: {"changes": named("{}")},
    "many lists of changes": lambda: {"changes": named('{"added":[[]],"removed":[1]}')},
    "many items added": lambda: {"changes": {"tags": {"added": many('"a"'), "removed": ["b"]}}},
    "many lists added": lambda: {"changes": {"tags": {"added": many("[]"), "removed": [[]]}}},
    "many objects removed": lambda: {"changes": {"tags": {"added": [], "removed": many('{"a":1}')}}},
    "a list of new values": lambda: {"changes": {"tags": {"new": many("1")}}},
    "many values in deep lists": lambda: {"changes": {"tags": {"new": nested(800, many("1"))}}},
    "a few values in deep lists": lambda: {"changes": {"tags": {"new": nested(800, [1] * 15_000)}}},
    "deep lists": lambda: {"tags": nested(900)},
    "a deep change": lambda: {"changes": {"tags": {"new": nested(900)}}},
}
STORED = json.dumps({"assetId": "asset-1", "tags": [[] for _ in range(20_000)]}).encode()  # as much as is read


def slowest_step(connector: Connector, event: Message) -> float:
    """The processor time of the slowest step of the event's flow, in seconds."""
    config = connector.Config.parse(EXAMPLES[connector.type], connected=True)
    config = config.model_copy(update={"access_token": config.access_token or SecretStr("token-0001")})
    flow = delivery(connector, event, config, 1_772_879_400)
    answer: Response | None = None
    slowest = 0.0
    for _ in range(MAX_STEPS):
        began = time.thread_time()
        try:
            request = flow.send(answer)  # type: ignore[arg-type]
        except (IntegrationError, StopIteration):
            return max(slowest, time.thread_time() - began)
        slowest = max(slowest, time.thread_time() - began)
        answer = answer_to(request)
    return slowest


def answer_to(request: Request) -> Response:
    """A stored document for what reads one, and something for everything else."""
    if request.method == "GET" and request.url.endswith(".json"):
        return Response(200, {"etag": '"1"'}, STORED)
    return json_response(200, {"id": "1", "files": [{"id": "1"}], "ok": True})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("connector", [kind() for kind in CONNECTORS], ids=lambda kind: kind.type)
def test_no_step_takes_long(connector: Connector, shape: str) -> None:
    data = {"assetId": "asset-1", "name": "Photo", "updatedBy": "user-1", **SHAPES[shape]()}
    for name in ("asset.updated", "report.ready"):
        event = message(name, data)
        assert slowest_step(connector, event) < MOST_SECONDS


@pytest.mark.parametrize(
    "connector", [kind() for kind in CONNECTORS if kind.most_at_once > 1], ids=lambda kind: kind.type
)
def test_the_largest_group_of_events_is_made_into_a_request_quickly(connector: Connector) -> None:
    changed = message("asset.updated", {"assetId": "a", "changes": {f"field{n}": {"new": n} for n in range(200)}})
    count = min(GROUP_MOST_BYTES // len(changed.body), GROUP_MOST_DELIVERIES, connector.most_at_once)
    events = [replace(changed) for _ in range(count)]
    config = connector.Config.parse(EXAMPLES[connector.type])

    def step() -> float:
        began = time.thread_time()
        next(connector.deliver_many(events, config, 0))
        return time.thread_time() - began

    assert min(step() for _ in range(3)) < MOST_SECONDS

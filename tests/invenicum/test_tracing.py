"""Traces from a request over its event to each delivery, through the real application, engine and exporter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Kinds

from invenicum import tracing
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.assets import grouped_creation
from invenicum.events import ingest
from invenicum.events.models import Event
from invenicum.events.publish import publish
from invenicum.web.application import Application
from invenicum.wsgi import application as django
from tests.factories import connect_webhook
from tests.fakes import collector
from tests.fakes.http_server import FakeServer
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.engine.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # the example of the recommendation, section 3.2.3


@pytest.fixture
def collecting(settings: Any) -> Iterator[FakeServer]:
    """A collector, and traces that go to it."""
    with FakeServer(collector.answer) as server:
        settings.OTEL_EXPORTER_OTLP_ENDPOINT = server.url
        settings.OTEL_EXPORTER_OTLP_HEADERS = "authorization=Bearer%20key"
        tracing._tracers.forget()
        yield server
        tracing.close()


def ask(method: str, path: str, token: str, body: Any, **headers: str) -> int:
    """The status of a request to the web application: its quick handlers and Django, in its threads."""
    ways = (ingest.handlers(), grouped_creation.handlers())
    application = Application(
        django,
        threads=1,
        probes={},
        handlers=ways[0] | ways[1],
        body_limit=lambda path: 10_000,
        body_memory=100_000,
        tracer=tracing.tracer(),
    )
    content = json.dumps(body).encode()
    given = {"host": "localhost", "content-type": "application/json", "authorization": f"Bearer {token}", **headers}
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    scope |= {"http_version": "1.1", "scheme": "http", "query_string": b""}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in given.items()]
    scope["headers"].append((b"content-length", str(len(content)).encode()))
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    async def run() -> None:
        await asyncio.wait_for(application(scope, receive, send), WAIT_DEADLINE_SECONDS)
        await application._threads.run(connections.close_all)

    asyncio.run(run())
    for way in ways:
        for handler in way.values():
            handler.close()  # type: ignore[attr-defined]
    return statuses[0]


def spans(collecting: FakeServer, count: int) -> list[collector.ReceivedSpan]:
    """Those that have arrived, as soon as there are `count`."""
    tracing.flush()
    wait_until(lambda: len(collector.spans_of(collecting)) >= count, f"{count} spans arrive")
    return collector.spans_of(collecting)


def deliver() -> None:
    worker = Worker()
    worker.drain(None, lambda: False, lambda: None)
    worker.close()


def publish_and_deliver(owner: User) -> None:
    """Publishes an event by a request that belongs to a trace."""
    event = {"event": "asset.created", "data": {"assetId": "a"}}
    assert ask("POST", "/api/v1/events", issue_token(owner, ["events:write"]), event, traceparent=PARENT) == 202
    deliver()


def test_a_trace_leads_from_a_request_over_its_event_to_each_delivery(alice: User, collecting: FakeServer) -> None:
    with FakeServer(lambda request: (503, {}, b"")) as receiver:
        connect_webhook(alice, receiver.url)
        publish_and_deliver(alice)
        (sent,) = receiver.requests
    request, delivery = sorted(spans(collecting, 2), key=lambda span: span.kind)
    assert (request.name, request.trace, request.parent) == ("POST /events", PARENT[3:35], PARENT[36:52])
    assert (request.kind, request.attributes["http.response.status_code"]) == (Kinds.SPAN_KIND_SERVER, 202)
    assert Event.objects.get().traceparent == f"00-{request.trace}-{request.id}-01"
    assert (delivery.name, delivery.trace, delivery.parent) == ("deliver asset.created", request.trace, request.id)
    assert (delivery.kind, delivery.has_failed) == (Kinds.SPAN_KIND_CLIENT, True)
    assert delivery.attributes["invenicum.outcome"] == "pending"
    assert delivery.attributes["http.response.status_code"] == 503
    assert delivery.attributes["invenicum.type"] == "webhook"
    assert sent.headers["traceparent"] == f"00-{delivery.trace}-{delivery.id}-01"
    assert request.resource["service.name"] == "invenicum"
    assert collecting.requests[0].headers["authorization"] == "Bearer key"


def test_what_django_answers_is_traced_too_and_an_asset_carries_its_own_trace(
    alice: User, collecting: FakeServer
) -> None:
    token = issue_token(alice, ["assets:write"])
    assert ask("POST", "/assets", token, {"name": "Bike"}, traceparent="not one") == 201
    assert ask("POST", "/assets", token, {"nothing": 1}) == 400
    created, refused = spans(collecting, 2)
    assert (created.name, created.parent, created.has_failed) == ("POST /assets", "", False)
    assert refused.attributes["http.response.status_code"] == 400
    place = Event.objects.get().traceparent
    assert place is not None
    assert place.startswith(f"00-{created.trace}-{created.id}-")


def test_a_hook_begins_a_trace_whatever_its_sender_says(alice: User, collecting: FakeServer) -> None:
    assert ask("POST", "/webhooks/github", "", {}, traceparent=PARENT) == 401
    (hook,) = spans(collecting, 1)
    assert (hook.name, hook.parent, hook.trace == PARENT[3:35]) == ("POST /webhooks/github", "", False)


def test_without_a_collector_nothing_is_traced_written_or_sent(alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as receiver:
        connect_webhook(alice, receiver.url)
        assert tracing.tracer() is None
        publish_and_deliver(alice)
        assert "traceparent" not in receiver.requests[0].headers
    assert Event.objects.get().traceparent is None


def test_an_event_without_a_trace_is_delivered_in_one_of_its_own(alice: User, collecting: FakeServer) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as receiver:
        connect_webhook(alice, receiver.url)
        publish(alice, "asset.created", {})
        deliver()
    (delivery,) = spans(collecting, 1)
    assert (delivery.parent, delivery.attributes["invenicum.outcome"]) == ("", "delivered")


@pytest.mark.parametrize(
    "text", [PARENT.upper(), PARENT[:-1], f"00-{'0' * 32}-b7ad6b7169203331-01", "01" + PARENT[2:], ""]
)
def test_what_is_no_place_in_a_trace_is_told_apart(text: str) -> None:
    assert not tracing.is_traceparent(text)

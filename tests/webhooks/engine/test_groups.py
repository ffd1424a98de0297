"""Several deliveries of one integration in one request, and what becomes of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from integrations import registry, services
from integrations.connectors.mixpanel import Mixpanel
from integrations.core.errors import IntegrationError
from integrations.core.http import Flow
from invenicum.accounts.models import User
from invenicum.events.message import Message
from invenicum.events.publish import Draft, publish_many
from tests.fakes.http_server import FakeServer, Received
from tests.fakes.mixpanel import PROJECT_TOKEN, FakeMixpanel
from webhooks.engine import attempts
from webhooks.engine.worker import drain
from webhooks.models import Attempt, Delivery, Lane

Status = Delivery.Status


def connect(owner: User, settings: Any, url: str, **config: Any) -> None:
    settings.PROVIDER_ENDPOINTS = {"mixpanel": {"apiUrl": url}}
    services.save_integration(owner, "mixpanel", {"projectToken": PROJECT_TOKEN, **config})


def publish(owner: User, *asset_ids: str, **data: Any) -> None:
    publish_many([Draft(owner, "asset.created", {"assetId": one, "createdBy": "user-1", **data}) for one in asset_ids])


def statuses() -> dict[str, tuple[str, int]]:
    """Status and attempts by the asset's id."""
    rows = Delivery.objects.select_related("event")
    return {json.loads(row.event.body)["data"]["assetId"]: (str(row.status), row.attempt_count) for row in rows}


def sent(server: FakeServer) -> list[list[str]]:
    """The assets of the events in each request."""
    bodies = [json.loads(request.body) for request in server.requests]
    return [[event["properties"]["assetId"] for event in body] for body in bodies]


def test_what_waits_goes_in_few_requests_with_an_attempt_for_each(alice: User, settings: Any) -> None:
    with FakeMixpanel() as fake:
        connect(alice, settings, fake.url)
        publish(alice, *(f"asset-{number}" for number in range(150)))
        counts = drain().counts
        assert len(fake.recorded) == 150
        assert len(fake.requests) <= 12, "a claim reads few at first"
    assert counts == {"delivered": 150}
    assert Attempt.objects.filter(status_code=200, error="").count() == 150
    assert set(statuses().values()) == {(Status.DELIVERED, 1)}


def test_an_event_that_is_refused_fails_alone(alice: User, settings: Any) -> None:
    with FakeMixpanel(refuses={"asset-3"}) as fake:
        connect(alice, settings, fake.url)
        publish(alice, *(f"asset-{number}" for number in range(6)))
        drain()
        assert len(fake.requests) == 1
    assert statuses().pop("asset-3") == (Status.FAILED, 1)
    assert sorted(statuses().values()) == [(Status.DELIVERED, 1)] * 5 + [(Status.FAILED, 1)]
    assert "'properties.time' is invalid" in Delivery.objects.get(status=Status.FAILED).error
    assert Lane.objects.get().failures == 0


def test_events_that_are_refused_as_a_whole_are_sent_one_by_one_at_once(alice: User, settings: Any) -> None:
    too_large = {
        "code": 413,
        "error": "request exceeds max limit of 2097152 bytes",
        "status": "Request Entity Too Large",
    }

    def handle(request: Received) -> Any:
        events = json.loads(request.body)
        if any(event["properties"]["assetId"] == "large" for event in events):
            return 413, {}, json.dumps(too_large).encode()
        return 200, {}, json.dumps({"num_records_imported": len(events)}).encode()

    with FakeServer(handle) as server:
        connect(alice, settings, server.url)
        publish(alice, "a", "large", "b")
        drain()
        assert sent(server)[0] == ["a", "large", "b"]
        assert sorted(sent(server)[1:]) == [["a"], ["b"], ["large"]]
    assert statuses() == {"a": (Status.DELIVERED, 2), "b": (Status.DELIVERED, 2), "large": (Status.FAILED, 2)}
    said = Attempt.objects.filter(delivery__status=Status.DELIVERED).order_by("pk").values_list("error", flat=True)
    assert said[0].startswith("Sent together with 2 others, and refused together; it is sent alone next.")
    assert Lane.objects.get().failures == 0


def test_a_service_that_is_down_costs_the_lane_one_failure_and_then_gets_one_at_a_time(
    alice: User, settings: Any
) -> None:
    settings.RETRY_SCHEDULE = (0, 0, 60)
    answers = iter([503, 503])

    def handle(request: Received) -> Any:
        count = len(json.loads(request.body))
        return next(answers, 200), {}, json.dumps({"num_records_imported": count}).encode()

    with FakeServer(handle) as server:
        connect(alice, settings, server.url)
        publish(alice, "a", "b", "c", "d")
        drain()
        assert [len(one) for one in sent(server)[:2]] == [4, 1]
    assert {status for status, _ in statuses().values()} == {Status.DELIVERED, Status.PENDING}
    assert Attempt.objects.filter(status_code=503).count() == 5
    assert Lane.objects.get().failures == 0


class Poisoned(Mixpanel):
    def deliver(self, message: Message, config: Any, now: int) -> Flow[None]:
        if b"poison" in message.body:
            raise RuntimeError("a fault of the connector")
        yield from super().deliver(message, config, now)

    def deliver_many(
        self, messages: Sequence[Message], config: Any, now: int
    ) -> Flow[Sequence[IntegrationError | None]]:
        if any(b"poison" in message.body for message in messages):
            raise RuntimeError("a fault of the connector")
        return (yield from super().deliver_many(messages, config, now))


class Silent(Mixpanel):
    def deliver_many(
        self, messages: Sequence[Message], config: Any, now: int
    ) -> Flow[Sequence[IntegrationError | None]]:
        yield from super().deliver_many(messages, config, now)
        return []


def test_an_event_that_crashes_the_connector_among_others_fails_alone(
    alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRY_SCHEDULE = (0, 0)
    monkeypatch.setattr(registry, "CONNECTORS", (Poisoned,))
    with FakeMixpanel() as fake:
        connect(alice, settings, fake.url)
        publish(alice, "a", "poison", "b")
        drain()
        assert len(fake.recorded) == 2
    assert statuses() == {"a": (Status.DELIVERED, 2), "b": (Status.DELIVERED, 2), "poison": (Status.FAILED, 2)}


def test_a_connector_that_does_not_say_what_became_of_each_delivers_one_by_one(
    alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "CONNECTORS", (Silent,))
    with FakeMixpanel() as fake:
        connect(alice, settings, fake.url)
        publish(alice, "a", "b")
        drain()
        assert len(fake.recorded) == 2
        assert [len(one) for one in sent(fake)] == [2, 1, 1]
    assert set(statuses().values()) == {(Status.DELIVERED, 2)}


def test_a_fault_of_the_engine_at_a_group_is_no_attempt_and_costs_no_other_lane(
    alice: User, bob: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = attempts.Attempts._start

    def start(self: attempts.Attempts, claimed: Any, now: int) -> None:
        if hasattr(claimed, "deliveries") and b"bad" in claimed.deliveries[0].message.body:
            raise RuntimeError("a fault of the engine")
        original(self, claimed, now)

    monkeypatch.setattr(attempts.Attempts, "_start", start)
    with FakeMixpanel() as fake:
        connect(alice, settings, fake.url)
        connect(bob, settings, fake.url)
        publish(alice, "a", "b", word="bad")
        publish(bob, "c", "d")
        drain()
        assert len(fake.recorded) == 2
        crashed = Delivery.objects.filter(owner=alice)
        assert set(crashed.values_list("status", "attempt_count", "crash_count")) == {(Status.PENDING, 0, 1)}
        Delivery.objects.filter(owner=alice).update(due_at=None)
        crashed.update(due_at=crashed.model.objects.earliest("created_at").created_at)
        drain()
        assert len(fake.recorded) == 4, "alone they work"
    assert set(statuses().values()) == {(Status.DELIVERED, 1)}


def test_of_an_ordered_integration_no_two_events_of_an_asset_go_together(alice: User, settings: Any) -> None:
    with FakeMixpanel() as fake:
        connect(alice, settings, fake.url, ordered=True)
        for number in range(3):
            publish(alice, "a", "b", "c", step=number)
        drain()
        seen = [
            (event["properties"]["assetId"], event["properties"]["step"])
            for request in fake.requests
            for event in json.loads(request.body)
        ]
        assert all(len(one) == len(set(one)) for one in sent(fake))
    for asset in ("a", "b", "c"):
        assert [step for name, step in seen if name == asset] == [0, 1, 2]
    assert set(statuses().values()) == {(Status.DELIVERED, 1)}

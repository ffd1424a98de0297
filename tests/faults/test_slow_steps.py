"""A connector that computes for long on one account's events: its lane rests, and the others go on."""

from __future__ import annotations

import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from integrations import registry
from integrations.connectors.webhook import Webhook
from integrations.core.http import Flow
from invenicum.accounts.models import User
from invenicum.events.message import Message
from tests.factories import connect_webhook
from tests.fakes.http_server import Answer, FakeServer, Received
from tests.faults.conftest import Receiver, counts, publish
from webhooks.engine.slow_steps import SLOW_STEP_REST_FACTOR
from webhooks.engine.worker import Worker
from webhooks.models import Delivery, EngineHeartbeat

pytestmark = pytest.mark.django_db(transaction=True)

STEP_SECONDS = 0.08


class ComputesForLong(Webhook):
    def deliver(self, message: Message, config: Any, now: int) -> Flow[None]:
        if b"expensive" in message.body:
            ends = time.thread_time() + STEP_SECONDS
            while time.thread_time() < ends:
                pass
        yield from super().deliver(message, config, now)


def test_a_lane_whose_steps_are_slow_gets_a_share_of_the_thread_and_is_logged(
    alice: User, bob: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "CONNECTORS", (ComputesForLong,))
    arrived: list[float] = []

    def note(request: Received) -> Answer:
        arrived.append(time.monotonic())
        return 200, {}, b""

    worker = Worker()
    with FakeServer(note) as server, capture_logs() as logs:
        hostile = connect_webhook(alice, server.url)
        connect_webhook(bob, receiver.url)
        publish(alice, 4, kind="expensive")
        publish(bob, 100)
        worker.drain(None, lambda: False, lambda: None)
    worker.close()
    assert counts() == {Delivery.Status.DELIVERED: 104}
    assert arrived[-1] - arrived[0] >= 3 * STEP_SECONDS * SLOW_STEP_REST_FACTOR
    entries = [entry for entry in logs if entry["event"] == "flow_step_slow"]
    assert len(entries) == 4
    assert {(entry["connector"], entry["integration"]) for entry in entries} == {("webhook", str(hostile.id))}
    counted = EngineHeartbeat.objects.get().counters["slowSteps"]
    assert 1 <= counted["webhook"] <= 4  # the last ones may not be written yet

"""One broken event or integration among others that work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from integrations import registry, services
from integrations.connectors.webhook import Webhook
from integrations.core.http import Flow
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.message import Message
from invenicum.events.models import Event
from invenicum.events.publish import publish as publish_one
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.http_server import FakeServer
from tests.faults.conftest import Receiver, counts, publish
from webhooks import failure_alerts
from webhooks.engine import claim
from webhooks.engine.values import Claim, ClaimRequest
from webhooks.engine.worker import Worker
from webhooks.models import Attempt, Delivery, Lane

pytestmark = pytest.mark.django_db(transaction=True)

Status = Delivery.Status


class RaisesInTheFlow(Webhook):
    def deliver(self, message: Message, config: Any, now: int) -> Flow[None]:
        if b"poison" in message.body:
            raise RuntimeError("a fault of the connector")
        yield from super().deliver(message, config, now)


class RaisesBeforeTheFlow(Webhook):
    def deliver(self, message: Message, config: Any, now: int) -> Flow[None]:
        if b"poison" in message.body:
            raise RuntimeError("a fault of the connector")
        return super().deliver(message, config, now)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def drain(worker: Worker) -> None:
    worker.drain(None, lambda: False, lambda: None)


@pytest.mark.parametrize("connector", [RaisesInTheFlow, RaisesBeforeTheFlow])
def test_an_event_that_crashes_the_connector_fails_alone(
    alice: User,
    receiver: Receiver,
    worker: Worker,
    connector: type[Webhook],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.RETRY_SCHEDULE = (0, 0, 0)
    monkeypatch.setattr(registry, "CONNECTORS", (connector,))
    connect_webhook(alice, receiver.url)
    publish(alice, 20)
    poisoned = publish_one(alice, "asset.created", {"assetId": "poison"})
    publish(alice, 20)
    drain(worker)
    assert counts() == {Status.DELIVERED: 40, Status.FAILED: 1}
    assert (len(receiver.seen), receiver.duplicates) == (40, 0)
    delivery = Delivery.objects.get(event=poisoned)
    assert (delivery.attempt_count, "logged" in delivery.error) == (3, True)
    assert Lane.objects.get().failures == 0  # the endpoint is not at fault


def test_an_event_whose_stored_body_is_broken_fails_alone(alice: User, worker: Worker, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 0)
    with FakeServer(lambda request: (200, {}, b"ok")) as server:
        settings.PROVIDER_ENDPOINTS = {"slack": {"apiUrl": server.url}}
        address = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
        services.save_integration(alice, "slack", {"webhookUrl": address, "channel": "#assets"})
        publish(alice, 10)
        event = publish_one(alice, "asset.created", {"assetId": "poison"})
        Event.objects.filter(pk=event.pk).update(body='{"event": "asset.created", ')
        drain(worker)
    assert counts() == {Status.DELIVERED: 10, Status.FAILED: 1}
    assert Delivery.objects.get(event=event).status == Status.FAILED
    assert len(server.requests) == 10


def test_an_integration_whose_secrets_cannot_be_decrypted_waits_alone(
    alice: User, bob: User, receiver: Receiver, worker: Worker, settings: Any
) -> None:
    settings.RETRY_SCHEDULE = (0, 60, 60)
    connect_webhook(alice, receiver.url)
    connect_webhook(bob, receiver.url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM integrations_integration WHERE owner_id = %s", [alice.pk])
        (secrets,) = cursor.fetchone()
        cursor.execute("UPDATE integrations_integration SET secrets = %s WHERE owner_id = %s", [b"?", alice.pk])
    publish(alice, 5)
    publish(bob, 5)
    drain(worker)
    assert counts() == {Status.DELIVERED: 5, Status.PENDING: 5}
    assert not Delivery.objects.filter(owner=bob).exclude(status=Status.DELIVERED).exists()
    waiting = Delivery.objects.filter(owner=alice)
    assert waiting.filter(error__contains="cannot be decrypted").count() > 0
    # No attempt: during a rolling restart another worker may have the key.
    assert set(waiting.values_list("attempt_count", flat=True)) == {0}
    assert not Attempt.objects.filter(delivery__owner=alice).exists()
    assert Lane.objects.get(integration__owner=alice).failures == 0

    with connection.cursor() as cursor:  # the operator finds the key
        cursor.execute("UPDATE integrations_integration SET secrets = %s WHERE owner_id = %s", [secrets, alice.pk])
    Delivery.objects.filter(status=Status.PENDING).update(due_at=timezone.now())
    Lane.objects.update(next_at=None)
    drain(Worker())
    assert counts() == {Status.DELIVERED: 10}
    assert (len(receiver.seen), receiver.duplicates) == (10, 0)


def test_an_integration_whose_secrets_cannot_be_decrypted_can_be_disabled_paused_and_deleted(
    alice: User, mailoutbox: list[Any]
) -> None:
    integration = connect_webhook(alice)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s", [b"?"])
    Integration.objects.update(failing_since=timezone.now() - timedelta(days=6))
    Lane.objects.update(**OPEN_CIRCUIT)
    failure_alerts.watch()
    stored = Integration.objects.without_secrets().get(pk=integration.pk)
    assert stored.status == Integration.Status.DISABLED
    assert "was disabled" in mailoutbox[-1].subject
    services.set_active(alice, "webhook", False)
    services.delete_integration(alice, "webhook")
    assert not Integration.objects.live().exists()


def test_an_integration_that_is_deleted_during_the_claim_affects_no_other(
    alice: User, bob: User, receiver: Receiver, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_webhook(alice, receiver.url)
    connect_webhook(bob, receiver.url)
    publish(alice, 5)
    publish(bob, 5)
    claim_due = claim.claim_due

    def claim_and_delete(request: ClaimRequest) -> Claim:
        result = claim_due(request)
        User.objects.filter(pk=alice.pk).delete()
        return result

    monkeypatch.setattr(claim, "claim_due", claim_and_delete)
    drain(worker)
    assert counts() == {Status.DELIVERED: 5}
    assert (len(receiver.seen), receiver.duplicates) == (5, 0)


@pytest.mark.parametrize("reset", ["nan", "inf", "1e999", "9" * 300])
def test_a_server_that_names_no_time_for_its_limit_stops_no_worker(
    alice: User, bob: User, receiver: Receiver, worker: Worker, reset: str, settings: Any
) -> None:
    with FakeServer(lambda request: (429, {"RateLimit-Reset": reset}, b"{}")) as hostile:
        settings.PROVIDER_ENDPOINTS = {"gitlab": {"apiUrl": hostile.url}}
        services.save_integration(alice, "gitlab", {"project": "group/assets", "apiKey": "glpat-0123456789abcdef"})
        connect_webhook(bob, receiver.url)
        publish(alice, 1)
        publish(bob, 5)
        drain(worker)
    assert counts() == {Status.PENDING: 1, Status.DELIVERED: 5}
    assert Delivery.objects.get(integration__owner=alice).due_at is not None

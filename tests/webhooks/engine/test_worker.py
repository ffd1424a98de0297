import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as StandardWebhook

from integrations import services, signing_secrets
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish, publish_many
from tests.factories import SECRET, connect_webhook
from tests.fakes.http_server import FakeServer, Received
from tests.waiting import WAIT_DEADLINE_SECONDS
from webhooks.engine import worker
from webhooks.engine.claim import claim_due, new_worker_mark
from webhooks.engine.values import ClaimRequest
from webhooks.engine.worker import drain
from webhooks.models import Attempt, Delivery, Lane

Status = Delivery.Status


def answering(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> FakeServer:
    return FakeServer(lambda request: (status, headers or {}, body))


def test_what_is_due_arrives_signed_and_is_recorded(alice: User) -> None:
    with answering(200, body=b"thanks") as server:
        integration = connect_webhook(alice, f"{server.url}/hook")
        event = publish(alice, "asset.created", {"assetId": "a", "name": "Käse 🧀"})
        drain()
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.body == event.body.encode()
    assert request.headers["webhook-id"] == event.public_id
    StandardWebhook(SECRET).verify(request.body, dict(request.headers))
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempt_count, delivery.due_at, delivery.error) == (Status.DELIVERED, 1, None, "")
    assert delivery.finished_at is not None
    attempt = delivery.attempts.get()
    assert (attempt.status_code, attempt.error_class, attempt.response_excerpt) == (200, "", "thanks")
    integration.refresh_from_db()
    assert integration.last_sync is not None


def test_large_events_arrive_among_small_ones_within_the_memory_for_them(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LARGE_MESSAGES_BYTES", 100_000)
    texts = ["x" * 40_000 if number % 2 else "small" for number in range(20)]
    most = 0

    def look() -> bool:
        nonlocal most
        most = max(most, patient._lanes.large_bytes)
        return False

    with answering(200) as server:
        connect_webhook(alice, server.url)
        publish_many([Draft(alice, "asset.created", {"assetId": "a", "text": text}) for text in texts])
        patient = worker.Worker()
        patient.drain(None, look, lambda: None)
        patient.close()
    assert sorted(request.json()["data"]["text"] for request in server.requests) == sorted(texts)
    assert set(Delivery.objects.values_list("status", "attempt_count")) == {(Status.DELIVERED, 1)}
    assert 40_000 < most <= 100_000


def test_a_failure_is_tried_again_when_the_schedule_says_so(alice: User, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 60, 600)
    with answering(500, body=b"broken") as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
        drain()  # nothing is due yet
    assert len(server.requests) == 1
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempt_count) == (Status.PENDING, 1)
    assert delivery.due_at is not None
    assert 50 < (delivery.due_at - timezone.now()).total_seconds() < 67
    assert "HTTP 500" in delivery.error
    attempt = delivery.attempts.get()
    assert (attempt.status_code, attempt.error_class, attempt.response_excerpt) == (500, "http", "broken")


def test_every_attempt_sends_the_same_bytes_and_the_same_id(alice: User, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 0, 0)
    answers = iter([500, 503, 200])
    with FakeServer(lambda request: (next(answers), {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
    assert len({(request.body, request.headers["webhook-id"]) for request in server.requests}) == 1
    assert len(server.requests) == 3
    assert Delivery.objects.get().status == Status.DELIVERED
    assert list(Attempt.objects.values_list("status_code", flat=True)) == [500, 503, 200]


def test_after_the_last_attempt_the_delivery_has_failed(alice: User, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 0)
    with answering(500) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
    assert len(server.requests) == 2
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempt_count, delivery.due_at) == (Status.FAILED, 2, None)


def test_retry_after_is_honoured(alice: User, settings: Any) -> None:
    settings.RETRY_SCHEDULE = (0, 1, 1)
    with answering(429, {"Retry-After": "1200"}) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
    due_at = Delivery.objects.get().due_at
    assert due_at is not None
    assert (due_at - timezone.now()).total_seconds() == pytest.approx(1200, abs=10)


def test_an_endpoint_that_is_gone_disables_its_integration_and_its_deliveries_wait(alice: User) -> None:
    with answering(410) as server:
        integration = connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
        publish(alice, "asset.created", {"assetId": "b"})
        drain()
    assert len(server.requests) == 1
    integration.refresh_from_db()
    assert integration.status == Integration.Status.DISABLED
    assert "410" in integration.status_reason
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.due_at) == (Status.PENDING, None)


def test_a_secret_that_an_endpoint_repeats_is_not_stored(alice: User) -> None:
    echo = FakeServer(lambda request: (500, {}, str(dict(request.headers)).encode()))
    with echo as server:
        connect_webhook(alice, server.url, headers={"Authorization": "Bearer very-secret-token"})
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
    attempt = Attempt.objects.get()
    assert "authorization" in attempt.response_excerpt
    assert "very-secret-token" not in attempt.response_excerpt


def test_a_refused_connection_is_a_failed_attempt_with_its_class(alice: User) -> None:
    with answering(200) as server:
        url = server.url
    connect_webhook(alice, url)
    publish(alice, "asset.created", {"assetId": "a"})
    drain()
    attempt = Attempt.objects.get()
    assert (attempt.status_code, attempt.error_class) == (None, "refused")


def test_an_address_that_may_not_be_reached_is_blocked(alice: User) -> None:
    connect_webhook(alice, "http://10.0.0.1/hook")
    publish(alice, "asset.created", {"assetId": "a"})
    drain()
    assert Attempt.objects.get().error_class == "blocked"


def test_a_dead_workers_deliveries_are_claimed_again_when_its_leases_expire(alice: User) -> None:
    with answering(200) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        now = timezone.now()
        claimed = claim_due(ClaimRequest(new_worker_mark(), now, lanes=9, depth=9))
        assert len(claimed.deliveries) == 1
        drain()
        assert server.requests == []
        Lane.objects.update(leased_until=now - timedelta(seconds=1))
        drain()
    assert len(server.requests) == 1
    assert Delivery.objects.get().status == Status.DELIVERED


def test_a_hundred_deliveries_to_a_slow_and_a_fast_endpoint_all_arrive(alice: User, bob: User) -> None:
    with answering(200) as fast, answering(200) as other:
        connect_webhook(alice, fast.url)
        connect_webhook(bob, other.url)
        publish_many([Draft(owner, "asset.created", {"assetId": str(n)}) for n in range(100) for owner in (alice, bob)])
        counts = drain().counts
    assert counts == {"delivered": 200}
    assert len(fast.requests) == len(other.requests) == 100
    assert len({request.headers["webhook-id"] for request in fast.requests}) == 100


def test_at_the_end_of_its_time_a_drain_serves_others_while_it_waits_for_an_endpoint_that_hangs(
    alice: User, bob: User
) -> None:
    answers = threading.Event()
    handed_over: list[int] = []

    def hang(request: Received) -> Any:
        answers.wait(WAIT_DEADLINE_SECONDS)
        return 200, {}, b""

    with FakeServer(hang) as slow, answering(200) as quick:
        connect_webhook(alice, slow.url)
        connect_webhook(bob, quick.url)
        publish(alice, "asset.created", {"assetId": "a"})
        its_time_ends = time.monotonic() + 0.2

        def look() -> bool:
            is_over = time.monotonic() > its_time_ends
            if is_over and slow.requests and not Delivery.objects.filter(owner=bob).exists():
                publish(bob, "asset.created", {"assetId": "b"})
            if quick.requests:
                answers.set()
            return False

        drained = drain(seconds=0.2, should_stop=look, hand_over=lambda: handed_over.append(len(quick.requests)))
    assert drained.more
    assert handed_over == [1]
    assert set(Delivery.objects.values_list("status", "attempt_count")) == {(Status.DELIVERED, 1)}


def test_what_is_pending_when_the_configuration_changes_goes_to_the_new_address(alice: User) -> None:
    with answering(200) as old, answering(200) as new:
        connect_webhook(alice, old.url)
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
        connect_webhook(alice, new.url)
        publish(alice, "asset.created", {"assetId": "b"})
        drain()
    assert (len(old.requests), len(new.requests)) == (1, 1)


def test_after_a_rotation_both_secrets_verify_for_a_day(alice: User) -> None:
    with answering(200) as server:
        connect_webhook(alice, server.url)
        new, _ = signing_secrets.rotate_signing_secret(alice, "webhook")
        publish(alice, "asset.created", {"assetId": "a"})
        drain()
    (request,) = server.requests
    for secret in (SECRET, new):
        StandardWebhook(secret).verify(request.body, dict(request.headers))


def test_what_a_worker_has_claimed_but_not_started_stays_when_the_integration_is_paused(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LANE_CONCURRENCY", 1)
    monkeypatch.setattr(worker, "LEASE_RENEWAL_SECONDS", 0)

    def pause_at_the_first(request: Received) -> Any:
        first_arrived.set()
        paused.wait(WAIT_DEADLINE_SECONDS)
        return 200, {}, b""

    first_arrived, paused = threading.Event(), threading.Event()
    with FakeServer(pause_at_the_first) as server:
        connect_webhook(alice, server.url)
        publish_many([Draft(alice, "asset.created", {"assetId": str(n)}) for n in range(20)])
        patient = worker.Worker()
        patient.drain(None, lambda: _pause_once(alice, first_arrived, paused), lambda: None)
        patient.close()
    assert len(server.requests) == 1
    assert Delivery.objects.filter(status=Status.PENDING, due_at=None, attempt_count=0).count() == 19


def _pause_once(owner: User, first_arrived: threading.Event, paused: threading.Event) -> bool:
    """Called by the worker between its steps; never asks it to stop."""
    if first_arrived.is_set() and not paused.is_set():
        services.set_active(owner, "webhook", False)
        paused.set()
    return False

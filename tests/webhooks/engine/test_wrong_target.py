"""A wrong target, or one closed to us: its lane is held and probed, its deliveries are kept, and its owner is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from integrations import services
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.api_client import Api
from tests.factories import SECRET, connect_webhook
from tests.webhooks.engine.refusing_endpoint import Endpoint, many, read
from webhooks.engine.worker import drain
from webhooks.failure_alerts import watch
from webhooks.models import Attempt, Delivery, Lane

Status = Delivery.Status
REFUSED = "The endpoint refused the request: HTTP 403. Check the headers, and that it knows the signing secret."


def let_the_hold_end() -> None:
    Lane.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    Delivery.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_wrong_target_holds_its_lane_after_three_deliveries_and_keeps_them_all(
    alice: User, api: Api, mailoutbox: list[EmailMessage]
) -> None:
    with Endpoint(403) as endpoint:
        connect_webhook(alice, endpoint.url)
        many(alice, 12)
        drain()
        drain()
    assert 3 <= len(endpoint.requests) <= 4  # and what was in flight at the third one
    assert set(Delivery.objects.values_list("status", flat=True)) == {Status.PENDING}
    health = read(api(alice), "/health")
    assert (health["circuit"], health["failuresInARow"], health["pending"]) == ("open", 3, 12)
    assert health["failingSince"] is not None
    assert read(api(alice))["statusReason"] == f"Deliveries wait until this is corrected: {REFUSED}"
    assert read(api(alice))["status"] == "active"
    deliveries = api(alice).get("/deliveries").json()["data"]
    assert {one["message"] for one in deliveries} == {REFUSED}
    assert sum(one["attemptCount"] for one in deliveries) == len(endpoint.requests)
    outcome = api(alice).get(f"/events/{deliveries[0]['eventId']}").json()["data"]["integrations"][0]
    assert outcome["reason"] == f"Deliveries wait until the target is corrected. {REFUSED}"
    watch()
    watch()
    [mail] = mailoutbox
    assert mail.subject == "Invenicum: Custom Webhook deliveries fail"
    for words in (f"What is wrong: {REFUSED}", "Please correct it", "/integrations/webhook", "None is lost"):
        assert words in mail.body


def test_probes_never_end_a_delivery_and_when_the_target_is_repaired_everything_arrives(
    alice: User, settings: Any
) -> None:
    settings.RETRY_SCHEDULE = (0, 0, 0)
    with Endpoint(403) as endpoint:
        integration = connect_webhook(alice, endpoint.url, ordered=True)
        many(alice, 5)
        drain()
        for probes in range(1, 20):
            before = len(endpoint.requests)
            let_the_hold_end()
            drain()
            assert len(endpoint.requests) == before + 1
            assert Lane.objects.get().openings == 1 + probes
        assert Delivery.objects.filter(status=Status.PENDING).count() == 5
        assert Delivery.objects.filter(attempt_count__gt=1).count() == 0
        endpoint.status = 200
        let_the_hold_end()
        drain()
    assert Delivery.objects.filter(status=Status.DELIVERED).count() == 5
    lane = Lane.objects.get()
    assert (lane.failures, lane.openings, lane.held_until) == (0, 0, None)
    integration.refresh_from_db()
    assert (integration.failing_since, integration.problem, integration.status_reason) == (None, "", "")


def test_a_target_that_refuses_one_asset_delays_that_one_only(alice: User) -> None:
    with Endpoint() as endpoint:
        connect_webhook(alice, endpoint.url)
        endpoint.statuses["locked"] = 403
        for _ in range(10):
            publish(alice, "asset.created", {"assetId": "locked"})
            many(alice, 3)
            drain()
    locked = Delivery.objects.filter(event__subject="locked")
    assert set(locked.values_list("status", "attempt_count")) <= {(Status.PENDING, 1), (Status.PENDING, 0)}
    assert Delivery.objects.filter(status=Status.DELIVERED).count() == 30


def test_a_delivery_that_a_good_target_refuses_follows_its_schedule_to_the_end_and_stays(
    alice: User, settings: Any
) -> None:
    settings.RETRY_SCHEDULE = (0, 3600, 7200)
    waits = []
    with Endpoint() as endpoint:
        connect_webhook(alice, endpoint.url)
        endpoint.statuses["locked"] = 403
        publish(alice, "asset.created", {"assetId": "locked"})
        for _ in range(4):
            drain()
            locked = Delivery.objects.get(event__subject="locked")
            assert locked.due_at is not None
            waits.append(round((locked.due_at - timezone.now()).total_seconds() / 3600))
            many(alice, 1)
            drain()
            let_the_hold_end()
    assert waits == [1, 2, 2, 2]
    assert (locked.status, locked.attempt_count, locked.attempts_made) == (Status.PENDING, 2, 4)


@pytest.fixture
def held(alice: User) -> Iterator[Endpoint]:
    """The endpoint of Alice's webhook, which refuses her: five deliveries wait for it."""
    with Endpoint(403) as endpoint:
        connect_webhook(alice, endpoint.url, ordered=True)
        many(alice, 5)
        drain()
        assert Lane.objects.get().held_until is not None
        endpoint.status = 200
        endpoint.requests.clear()
        yield endpoint


def save(client: Any, url: str) -> None:
    assert client.post("/integrations", {"type": "webhook", "config": {"url": url, "ordered": True}}).status_code == 200


def tried(client: Any, url: str) -> None:
    answer = client.post("/integrations/test", {"type": "webhook", "config": {"url": url, "ordered": True}})
    assert answer.status_code == 200, answer.content


def resume(client: Any, url: str) -> None:
    assert client.patch("/integrations/webhook", {"isActive": True}).status_code == 200


@pytest.mark.parametrize("act", [save, tried, resume])
def test_a_save_a_test_or_a_resumption_sends_what_waits_at_once(
    held: Endpoint, alice: User, api: Api, act: Any
) -> None:
    Delivery.objects.filter(attempt_count=1).update(due_at=timezone.now() + timedelta(hours=1))
    act(api(alice), held.url)
    assert read(api(alice))["statusReason"] is None
    held.requests.clear()  # the test's own
    drain()
    assert sorted(held.assets) == [f"asset-{number}" for number in range(5)]


@pytest.mark.parametrize("act", [save, tried, resume])
def test_what_was_corrected_in_vain_is_held_again_after_one_probe(
    held: Endpoint, alice: User, api: Api, act: Any
) -> None:
    for number in range(5):
        held.statuses[f"asset-{number}"] = 403
    act(api(alice), held.url)
    held.requests.clear()
    drain()
    drain()
    assert len(held.requests) == 1
    assert read(api(alice))["statusReason"].startswith("Deliveries wait")


def test_if_nothing_waits_a_test_that_succeeds_ends_the_five_days(held: Endpoint, alice: User, api: Api) -> None:
    Delivery.objects.update(status=Status.CANCELLED, due_at=None)
    tried(api(alice), held.url)
    assert read(api(alice), "/health")["failingSince"] is None
    watch(timezone.now() + timedelta(days=6))
    assert read(api(alice))["status"] == "active"


def test_a_test_of_something_else_than_what_is_saved_sends_nothing(held: Endpoint, alice: User, api: Api) -> None:
    tried(api(alice), f"{held.url}/other")
    body = {"type": "webhook", "config": {"url": held.url, "secret": SECRET.replace("whsec_", "whsec_YWJj")}}
    assert api(alice).post("/integrations/test", body).status_code == 200
    held.requests.clear()
    drain()
    assert held.requests == []


def test_a_stranger_can_not_have_it_sent(held: Endpoint, charlie: User, api: Api) -> None:
    tried(api(charlie), held.url)
    assert api(charlie).patch("/integrations/webhook", {"isActive": True}).status_code == 404
    held.requests.clear()
    drain()
    assert held.requests == []


def test_a_test_that_succeeds_does_not_resume_a_paused_integration(held: Endpoint, alice: User, api: Api) -> None:
    services.set_active(alice, "webhook", False)
    tried(api(alice), held.url)
    held.requests.clear()
    drain()
    assert held.requests == []
    assert Integration.objects.get().status == Integration.Status.PAUSED


def test_after_five_days_it_is_disabled_and_resuming_sends_everything(
    held: Endpoint, alice: User, api: Api, mailoutbox: list[EmailMessage]
) -> None:
    for days in (0, 4.1, 5.1, 6):
        watch(timezone.now() + timedelta(days=days))
    assert [mail.subject.removeprefix("Invenicum: Custom Webhook ") for mail in mailoutbox] == [
        "deliveries fail",
        "will be disabled tomorrow",
        "was disabled",
    ]
    assert all(REFUSED in mail.body for mail in mailoutbox)
    assert read(api(alice))["statusReason"] == f"No delivery succeeded for five days: {REFUSED}"
    assert read(api(alice), "/health")["waiting"] == 5
    resume(api(alice), held.url)
    drain()
    assert Delivery.objects.filter(status=Status.DELIVERED).count() == 5


def test_an_endpoint_that_is_gone_is_told_by_mail_once(alice: User, mailoutbox: list[EmailMessage]) -> None:
    with Endpoint(410) as endpoint:
        integration = connect_webhook(alice, endpoint.url)
        many(alice, 3)
        drain()
        watch()
        watch()
        [mail] = mailoutbox
        assert mail.subject == "Invenicum: Custom Webhook was disabled"
        assert "gone for good: HTTP 410" in mail.body
        integration.refresh_from_db()
        assert integration.failing_since is not None
        endpoint.status = 200
        services.set_active(alice, "webhook", True)
        drain()
    assert Delivery.objects.filter(status=Status.DELIVERED).count() == 3


def test_what_a_service_repeats_of_a_secret_is_in_no_problem_and_no_mail(
    alice: User, mailoutbox: list[EmailMessage]
) -> None:
    with Endpoint(403) as endpoint:
        integration = connect_webhook(alice, endpoint.url, headers={"Authorization": "Bearer a-secret-token"})
        many(alice, 5)
        drain()
    watch()
    integration.refresh_from_db()
    assert len(integration.problem) <= 500
    assert "a-secret-token" not in integration.problem + mailoutbox[0].body
    assert Attempt.objects.count() >= 3

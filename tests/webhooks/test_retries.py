"""Sending again all that match: not a page of them."""

from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Integration
from integrations.services import save_integration, set_active
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from invenicum.quotas import QuotaExceeded
from tests.factories import connect_webhook
from webhooks import replays, retries
from webhooks.delivery_log import Filters, State
from webhooks.models import Delivery, Replay

pytestmark = pytest.mark.django_db
Status = Delivery.Status
FAILED = Filters(state=State.FAILED)
SLACK = {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, "channel": "#assets"}


def fail(owner: User, count: int) -> None:
    for first in range(0, count, 1000):
        numbers = range(first, min(first + 1000, count))
        publish_many([Draft(owner, "asset.updated", {"assetId": f"asset-{number}"}) for number in numbers])
    failed = {"status": Status.FAILED, "due_at": None, "attempt_count": 10, "finished_at": timezone.now()}
    Delivery.objects.filter(owner=owner).update(**failed)


def pending() -> int:
    return Delivery.objects.filter(status=Status.PENDING, attempt_count=0).count()


def test_two_thousand_are_two_thousand(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        connect_webhook(owner)
    fail(alice, 2000)
    fail(bob, 3)
    assert (retries.count(alice, FAILED).total, retries.count(alice, FAILED).is_exact) == (2000, True)
    retried = retries.retry_all(alice, FAILED)
    assert (retried.queued, retried.is_complete) == (2000, True)
    assert Delivery.objects.filter(owner=alice, status=Status.PENDING, due_at__isnull=False).count() == 2000
    assert Delivery.objects.filter(owner=bob, status=Status.FAILED).count() == 3


def test_more_than_a_batch_goes_on_by_itself_and_can_be_cancelled(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (replays, retries):
        monkeypatch.setattr(module, "REPLAY_BATCH_DELIVERIES", 4)
    connect_webhook(alice)
    save_integration(alice, "slack", SLACK)
    fail(alice, 7)
    retried = retries.retry_all(alice, FAILED)
    assert (retried.queued, retried.is_complete, len(retried.replays)) == (4, False, 2)
    with pytest.raises(QuotaExceeded):
        retries.retry_all(alice, FAILED)
    assert pending() == 4
    for _ in range(10):
        replays.run_due()
    assert pending() == 14
    assert {(one.state, one.queued, one.total) for one in Replay.objects.all()} == {("queued", 7, 7)}
    replays.cancel(Replay.objects.all()[0])
    assert Delivery.objects.filter(status=Status.CANCELLED).count() == 7


def test_rare_ones_are_found_behind_many_others(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from webhooks import delivery_log

    monkeypatch.setattr(delivery_log, "LOOK_DELIVERIES", 3)
    connect_webhook(alice)
    fail(alice, 20)
    publish_many([Draft(alice, "asset.deleted", {"assetId": "asset-1"})])
    Delivery.objects.filter(event__name="asset.deleted").update(status=Status.FAILED, due_at=None)
    retried = retries.retry_all(alice, Filters(state=State.FAILED, event="asset.deleted"))
    assert (retried.queued, retried.is_complete) == (1, True)
    assert pending() == 1


def test_filters_choose_what_is_sent_again(alice: User) -> None:
    connect_webhook(alice)
    save_integration(alice, "slack", SLACK)
    fail(alice, 3)
    assert retries.retry_all(alice, Filters(type="slack", asset="asset-1")).queued == 1
    assert set(Delivery.objects.filter(status=Status.PENDING).values_list("integration__type")) == {("slack",)}
    assert retries.retry_all(alice, Filters(state=State.DELIVERED)).queued == 0


def test_deliveries_of_services_that_are_not_active_wait_or_are_left_out(alice: User) -> None:
    connect_webhook(alice)
    fail(alice, 2)
    set_active(alice, "webhook", False)
    assert retries.retry_all(alice, FAILED).queued == 2
    assert Delivery.objects.filter(status=Status.PENDING, due_at=None).count() == 2
    fail(alice, 0)
    Integration.objects.update(deleted_at=timezone.now())
    assert retries.count(alice, FAILED).total == 0
    assert retries.retry_all(alice, FAILED).queued == 0


def test_held_ones_are_sent_again_once_the_target_is_corrected(alice: User) -> None:
    connect_webhook(alice)
    publish_many([Draft(alice, "asset.updated", {"assetId": "asset-1"})])
    Delivery.objects.update(held_attempt_count=3)
    assert retries.retry_all(alice, Filters(state=State.HELD)).queued == 0
    Integration.objects.update(problem_fault="target")
    assert retries.retry_all(alice, Filters(state=State.HELD)).queued == 1
    assert Delivery.objects.get().held_attempt_count == 0


def test_filters_survive_the_database() -> None:
    now = timezone.now()
    filters = Filters(type="slack", state=State.HELD, event="a.b", error_class="dns", asset="a", since=now, until=now)
    assert Filters.from_json(filters.to_json()) == filters
    assert Filters.from_json(Filters().to_json()) == Filters()


def test_counting_needs_few_statements(alice: User, django_assert_max_num_queries: Any) -> None:
    connect_webhook(alice)
    fail(alice, 10)
    with django_assert_max_num_queries(3):
        retries.count(alice, FAILED)

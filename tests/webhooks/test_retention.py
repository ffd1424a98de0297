from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invenicum.accounts.models import IdempotencyKey, User
from invenicum.accounts.services import remove
from invenicum.events.models import Event
from invenicum.events.publish import Draft, publish, publish_many
from invenicum.ids import first_id_at, uuid7
from tests.factories import connect_webhook
from webhooks import retention
from webhooks.models import Attempt, Delivery

Status = Delivery.Status


def finish(status: str = Status.DELIVERED) -> None:
    Delivery.objects.update(status=status, due_at=None, finished_at=timezone.now())


def test_old_events_go_with_their_deliveries_and_attempts(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "old"})
    finish()
    Attempt.objects.create(delivery=Delivery.objects.get(), started_at=timezone.now(), duration_ms=1)
    boundary = timezone.now() + timedelta(milliseconds=1)
    while timezone.now() <= boundary:
        pass
    kept = publish(alice, "asset.created", {"assetId": "new"})
    assert retention.prune(boundary) == 1
    assert Event.objects.get() == kept
    assert Delivery.objects.get().event == kept
    assert Attempt.objects.count() == 0


def test_what_is_still_pending_is_kept_however_old(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    assert retention.prune(timezone.now() + timedelta(days=1)) == 0
    finish(Status.FAILED)
    assert retention.prune(timezone.now() + timedelta(days=1)) == 1


def test_many_batches_are_gone_through(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PRUNE_BATCH_EVENTS", 3)
    connect_webhook(alice)
    for number in range(8):
        publish(alice, "asset.created", {"assetId": str(number)})
    pending = Delivery.objects.order_by("id")[1]
    finish()
    Delivery.objects.filter(pk=pending.pk).update(status=Status.PENDING)
    assert retention.prune(timezone.now() + timedelta(days=1)) == 7
    assert Event.objects.get() == pending.event


def test_idempotency_keys_are_kept_for_a_day(alice: User) -> None:
    now = timezone.now()
    for key, age in (("old", timedelta(hours=25)), ("new", timedelta(hours=23))):
        IdempotencyKey.objects.create(owner=alice, key=key, request_digest="x", created_at=now - age)
    retention.prune(now - timedelta(days=90))
    assert IdempotencyKey.objects.get().key == "new"


def test_the_command_says_how_many(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    publish(alice, "asset.created", {"assetId": "a"})
    call_command("prune", "--days", "-1")
    assert "1 events deleted" in capsys.readouterr().out


def test_a_moment_is_a_boundary_between_ids() -> None:
    before = first_id_at(timezone.now() - timedelta(seconds=1))
    after = first_id_at(timezone.now() + timedelta(seconds=1))
    assert before < uuid7() < after
    assert before.version == 7


def test_removing_an_account_reads_none_of_its_deliveries_however_many(alice: User, bob: User) -> None:
    def statements_to_remove(user: User, events: int) -> int:
        connect_webhook(user)
        publish_many([Draft(user, "asset.created", {"assetId": str(number)}) for number in range(events)])
        for delivery in Delivery.objects.filter(owner=user):
            Attempt.objects.create(delivery=delivery, started_at=timezone.now(), duration_ms=1)
        with CaptureQueriesContext(connection) as queries:
            remove(user)
        return len(queries)

    assert statements_to_remove(alice, 1) == statements_to_remove(bob, 120)
    assert not User.objects.exists()
    assert [model.objects.count() for model in (Event, Delivery, Attempt)] == [0, 0, 0]

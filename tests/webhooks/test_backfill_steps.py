"""How backfills make their deliveries: in order, behind live events, and never twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from integrations import services
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.accounts.services import remove
from invenicum.assets.models import Asset
from invenicum.events.models import Event
from invenicum.events.publish import publish as publish_one
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer, Received
from tests.webhooks.backfilling import miss, publish, run, start, step, subjects
from webhooks import backfill_steps, replays
from webhooks.engine.worker import drain
from webhooks.models import Delivery, Lane, Replay

Status = Delivery.Status


@pytest.fixture(autouse=True)
def nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """No publication began before the backfill and ends after it."""
    monkeypatch.setattr(backfill_steps, "SETTLE", timedelta(0))


def due() -> int:
    return Delivery.objects.filter(status=Status.PENDING, due_at__lte=timezone.now() + timedelta(seconds=1)).count()


def test_the_next_deliveries_are_made_when_the_last_ones_have_been_sent(alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        miss(alice, 100)
        backfill = start(alice)
        counts = []
        for _ in range(4):
            step(backfill)
            counts.append(due())
            drain()
    assert counts == [20, 40, 40, 0]  # doubled up to half a second's worth of the rate
    assert backfill.state == Replay.State.QUEUED


def test_nothing_more_is_made_while_what_was_made_waits(alice: User) -> None:
    connect_webhook(alice)
    miss(alice, 100)
    backfill = start(alice)
    step(backfill)
    made = Delivery.objects.count()
    for _ in range(3):
        step(backfill)
    assert Delivery.objects.count() == made
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=3))
    step(backfill)
    assert backfill.pace == made // 2


def test_two_steps_at_once_make_one(alice: User) -> None:
    connect_webhook(alice)
    miss(alice, 100)
    backfill = start(alice)
    backfill_steps.step(backfill.pk)
    made = Delivery.objects.count()
    assert not backfill_steps.step(backfill.pk)
    assert Delivery.objects.count() == made


def test_the_operator_sets_how_many_a_second(alice: User, settings: Any) -> None:
    settings.BACKFILL_DELIVERIES_PER_SECOND = 2.0
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        miss(alice, 5)
        backfill = start(alice)
        assert step(backfill).queued == 1
        drain()
        assert step(backfill).queued == 2
    settings.BACKFILL_DELIVERIES_PER_SECOND = 0.5
    drain()
    step(backfill)
    assert backfill.next_at
    assert backfill.next_at > timezone.now() + timedelta(seconds=1)


def test_a_backfill_waits_for_a_paused_integration_and_for_a_lane_that_is_held(alice: User) -> None:
    integration = connect_webhook(alice)
    miss(alice, 3)
    backfill = start(alice)
    services.set_active(alice, "webhook", False)
    assert step(backfill).queued == 0
    services.set_active(alice, "webhook", True)
    Lane.objects.filter(pk=integration.pk).update(held_until=timezone.now() + timedelta(minutes=1))
    assert step(backfill).queued == 0
    Lane.objects.filter(pk=integration.pk).update(held_until=None, failures=2)
    assert step(backfill).queued == 1  # a probe
    Delivery.objects.update(status=Status.DELIVERED, due_at=None)
    Lane.objects.update(failures=0)
    assert step(backfill).queued == 3


def test_resuming_makes_only_live_deliveries_due_at_once(alice: User) -> None:
    connect_webhook(alice)
    miss(alice, 50)
    backfill = step(start(alice))
    [live] = publish(alice, 1, first=50)
    services.set_active(alice, "webhook", False)
    services.set_active(alice, "webhook", True)
    assert list(Delivery.objects.filter(due_at__isnull=False).values_list("event", flat=True)) == [live.pk]
    step(backfill)
    assert Delivery.objects.filter(due_at=None, status=Status.PENDING).count() == 0


def test_missed_events_are_sent_in_the_order_in_which_they_were_published(alice: User) -> None:
    sent: list[str] = []

    def receive(request: Received) -> tuple[int, dict[str, str], bytes]:
        sent.append(request.headers["webhook-id"])
        return 200, {}, b""

    with FakeServer(receive) as server:
        connect_webhook(alice, server.url, ordered=True)
        services.set_active(alice, "webhook", False)
        events = [publish_one(alice, "asset.updated", {"assetId": "asset-1", "changes": {}}) for _ in range(30)]
        services.set_active(alice, "webhook", True)
        run(start(alice))
    assert sent == [event.public_id for event in events]


def test_on_an_ordered_integration_no_event_is_sent_after_a_later_one_about_the_same_asset(alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url, ordered=True)
        missed = miss(alice, 3)
        publish(alice, 1, "asset.deleted", first=1)  # asset-1
        drain()
        run(start(alice))
    outcomes = dict(Delivery.objects.filter(backfilled=True).values_list("event__subject", "status"))
    assert outcomes == {"asset-0": Status.DELIVERED, "asset-1": Status.CANCELLED, "asset-2": Status.DELIVERED}
    overtaken = Delivery.objects.get(event=missed[1])
    assert overtaken.error == "A later event about the same asset had been sent before."


def test_events_that_wait_for_the_retry_of_one_about_their_asset_do_not_hold_a_backfill_back(alice: User) -> None:
    connect_webhook(alice, ordered=True)
    for _ in range(40):
        publish_one(alice, "asset.updated", {"assetId": "asset-x", "changes": {}})
    miss(alice, 30)
    first = Delivery.objects.earliest("sequence")
    Delivery.objects.filter(pk=first.pk).update(due_at=timezone.now() + timedelta(hours=10))
    Delivery.objects.exclude(pk=first.pk).update(due_at=timezone.now() - timedelta(hours=1))
    assert step(start(alice)).queued == 20


def test_a_live_event_waits_for_a_missed_one_about_the_same_asset(alice: User) -> None:
    connect_webhook(alice, ordered=True)
    miss(alice, 2)
    assert step(start(alice)).queued == 2
    publish(alice, 1, "asset.deleted", first=1)
    sent: list[str] = []

    def receive(request: Received) -> tuple[int, dict[str, str], bytes]:
        sent.append(f"{request.json()['event']} {request.json()['data']['assetId']}")
        return 200, {}, b""

    with FakeServer(receive) as server:
        connect_webhook(alice, server.url, ordered=True)
        drain()
    assert sent.index("asset.created asset-1") < sent.index("asset.deleted asset-1")


@pytest.mark.parametrize("ordered", [True, False])
def test_a_snapshot_is_not_sent_after_a_later_change_of_the_asset(alice: User, ordered: bool) -> None:
    asset = Asset.objects.create(owner=alice, asset_id="asset-1", name="Old")
    connect_webhook(alice, ordered=ordered)
    backfill = step(start(alice, "existing"))
    asset.name = "New"
    asset.save()
    sent: list[str] = []

    def receive(request: Received) -> tuple[int, dict[str, str], bytes]:
        sent.append(request.json()["event"])
        return (500 if len(sent) == 1 else 200), {}, b""

    with FakeServer(receive) as server:
        connect_webhook(alice, server.url, ordered=ordered)
        Lane.objects.update(failures=0)
        drain()
        assert sent == ["asset.created"]  # it failed: the change waits for its retry
        Delivery.objects.filter(status=Status.PENDING).update(due_at=timezone.now())
        drain()
        assert sent == ["asset.created", "asset.created", "asset.updated"]
        run(backfill)
    assert not Integration.objects.get().snapshots_pending


def test_a_snapshot_has_the_asset_as_it_is_when_it_is_made(alice: User) -> None:
    asset = Asset.objects.create(owner=alice, asset_id="asset-1", name="Old")
    gone = Asset.objects.create(owner=alice, asset_id="asset-2", name="Gone")
    connect_webhook(alice)
    backfill = start(alice, "existing")
    asset.name = "New"
    asset.save()
    gone.delete()
    step(backfill)
    snapshot = Event.objects.get(position=None)
    assert snapshot.payload["data"]["name"] == "New"
    assert snapshot.document
    assert snapshot.document["name"] == "New"
    assert snapshot.sequence > Event.objects.filter(position__isnull=False).latest("sequence").sequence


def test_nothing_of_a_backfill_is_left_of_an_integration_or_account_that_is_removed(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        connect_webhook(owner)
        miss(owner, 50)
    backfill, other = step(start(alice)), step(start(bob))
    services.delete_integration(alice, "webhook")
    step(backfill)
    assert (backfill.state, backfill.next_at) == (Replay.State.CANCELLED, None)
    assert not Delivery.objects.filter(owner=alice, status=Status.PENDING).exists()
    remove(bob)
    assert not backfill_steps.step(other.pk)
    assert not Replay.objects.filter(pk=other.pk).exists()
    assert not Event.objects.filter(owner=bob.pk).exists()


def test_events_that_had_a_delivery_are_passed_over_page_by_page(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_PAGE_EVENTS", "PAGE_EVENTS"):
        monkeypatch.setattr(backfill_steps, name, 3)
    monkeypatch.setattr(backfill_steps, "STEP_MAX_PAGES", 2)
    connect_webhook(alice)
    publish(alice, 10)
    miss(alice, 2, first=10)
    publish(alice, 10, first=12)
    Delivery.objects.update(status=Status.DELIVERED, due_at=None)
    run(start(alice))
    assert subjects() == ["asset-10", "asset-11"]


def test_events_that_have_been_pruned_meanwhile_do_not_stop_it(alice: User) -> None:
    connect_webhook(alice)
    events = miss(alice, 50)
    backfill = step(start(alice))
    Delivery.objects.all().delete()
    Event.objects.filter(pk__in=[event.pk for event in events[: backfill.queued]]).delete()
    made = backfill.queued
    step(backfill)
    assert subjects() == [f"asset-{n}" for n in range(made, backfill.queued)]


def test_what_a_step_has_made_before_its_process_died_is_sent_by_the_next(alice: User) -> None:
    connect_webhook(alice)
    miss(alice, 5)
    backfill = start(alice)
    made, _ = backfill_steps._make(backfill_steps._lock(backfill.pk))  # type: ignore[arg-type]
    assert (made, due()) == (5, 0)
    step(backfill)
    assert due() == 5
    assert Delivery.objects.count() == 5


def test_one_that_fails_does_not_stop_the_others(alice: User, bob: User) -> None:
    Asset.objects.create(owner=alice, asset_id="asset-1", name="One")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE assets_asset SET tags = 'null'")  # not a list
    connect_webhook(alice)
    connect_webhook(bob)
    miss(bob, 3)
    broken, other = start(alice, "existing"), start(bob)
    backfill_steps.run_due()
    for backfill in (broken, other):
        backfill.refresh_from_db()
    assert (broken.queued, other.queued) == (0, 3)
    assert broken.next_at
    assert broken.next_at > timezone.now()


def test_replays_and_backfills_leave_each_other_alone(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 2)
    Delivery.objects.update(status=Status.FAILED, due_at=None)
    miss(alice, 3, first=2)
    replays.start(alice, "webhook", timezone.now() - timedelta(hours=1), None, [Status.FAILED])
    backfill = start(alice)
    replays.run_due()
    step(backfill)
    assert backfill.queued == 3
    assert sorted(Delivery.objects.values_list("replay__what", flat=True)) == ["again"] * 2 + ["missed"] * 3
    assert set(Delivery.objects.filter(backfilled=False).values_list("replay__what", flat=True)) == {"again"}

"""Backfills in a process that delivers: killed in the middle, and with live events at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db.models import Count

from integrations import services
from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from invenicum.events.publish import publish as publish_one
from tests.factories import connect_webhook
from tests.faults.conftest import Receiver, all_delivered, expire_leases, on_postgresql
from tests.processes import deliver, environment
from tests.waiting import wait_until
from tests.webhooks.backfilling import miss, start
from webhooks.models import Delivery, Replay

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

MISSED = 400
FAST = {"BACKFILL_DELIVERIES_PER_SECOND": "1000"}


def made() -> int:
    return Delivery.objects.filter(backfilled=True).count()


@pytest.mark.parametrize("what", ["missed", "existing"])
def test_a_process_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    what: str, alice: User, receiver: Receiver, tmp_path: Path
) -> None:
    connect_webhook(alice, receiver.url)
    if what == "missed":
        miss(alice, MISSED)
    else:
        services.set_active(alice, "webhook", False)
        Asset.objects.bulk_create([Asset(owner=alice, asset_id=f"asset-{n}", name="A") for n in range(MISSED)])
        services.set_active(alice, "webhook", True)
    backfill = start(alice, what)
    for killed_after in (1, 50, 200):
        with deliver(environment(**FAST), tmp_path / f"{killed_after}.log") as process:
            wait_until(lambda least=killed_after: made() >= least, "some are made")  # type: ignore[misc]
            process.kill()
        expire_leases()
    with deliver(environment(**FAST), tmp_path / "last.log"):
        wait_until(lambda: made() == MISSED and all_delivered(), "everything is delivered")
        wait_until(lambda: Replay.objects.get(pk=backfill.pk).next_at is None, "the backfill ends")
    assert Replay.objects.get(pk=backfill.pk).queued == MISSED
    assert not Delivery.objects.values("event__subject").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert len(receiver.seen) == MISSED
    assert receiver.duplicates <= 3 * 64  # only what was in flight is sent twice


def test_live_events_are_not_behind_a_large_backfill(alice: User, receiver: Receiver, tmp_path: Path) -> None:
    connect_webhook(alice, receiver.url)
    miss(alice, 10_000)
    start(alice)
    with deliver(environment(), tmp_path / "deliver.log"):
        for goal in (50, 150, 300):
            wait_until(lambda least=goal: len(receiver.seen) >= least, "the backfill is under way")  # type: ignore[misc]
            live = publish_one(alice, "asset.created", {"assetId": "live"})
            before = len(receiver.seen)
            wait_until(lambda sent=live.public_id: sent in receiver.seen, "the live event arrives")  # type: ignore[misc]
            assert len(receiver.seen) - before <= 150

"""Events in pages, newest first."""

import pytest

from invenicum.accounts.models import User
from invenicum.api.pagination import Cursor
from invenicum.events import history
from invenicum.events.models import Event
from invenicum.events.publish import Draft, publish_many, record_snapshots

pytestmark = pytest.mark.django_db


def names(page: history.Page) -> list[str]:
    return [event.name for event in page.events]


def test_all_events_of_an_owner_in_pages(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        publish_many([Draft(owner, f"stock.counted_{number}", {"count": number}) for number in range(5)])
    record_snapshots([Draft(alice, "asset.created", {"assetId": "asset-1"})])
    first = history.all_events(alice.pk, None, 2)
    assert names(first) == ["stock.counted_4", "stock.counted_3"]
    assert first.newer is None
    second = history.all_events(alice.pk, first.older, 2)
    third = history.all_events(alice.pk, second.older, 2)
    assert (names(second), names(third)) == (["stock.counted_2", "stock.counted_1"], ["stock.counted_0"])
    assert third.older is None
    assert names(history.all_events(alice.pk, third.newer, 2)) == names(second)
    assert names(history.all_events(alice.pk, second.newer, 2)) == names(first)
    theirs = Event.objects.filter(owner=bob).first()
    assert theirs is not None
    assert names(history.all_events(alice.pk, Cursor(False, theirs.pk), 2)) == names(first)


def test_the_events_about_an_asset_with_the_one_before_the_page(alice: User) -> None:
    for number in range(5):
        publish_many([Draft(alice, f"stock.counted_{number}", {"assetId": asset}) for asset in ("asset-1", "asset-2")])
    record_snapshots([Draft(alice, "asset.created", {"assetId": "asset-1"})])
    first = history.of_asset(alice.pk, "asset-1", None, 3)
    assert names(first) == ["asset.created", "stock.counted_4", "stock.counted_3"]
    assert first.before is not None
    assert first.before.name == "stock.counted_2"
    second = history.of_asset(alice.pk, "asset-1", first.older, 3)
    assert names(second) == ["stock.counted_2", "stock.counted_1", "stock.counted_0"]
    assert (second.older, second.before) == (None, None)
    assert names(history.of_asset(alice.pk, "asset-1", second.newer, 3)) == names(first)
    assert names(history.of_asset(alice.pk, "asset-3", None, 3)) == []

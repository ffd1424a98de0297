from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import transaction

from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from invenicum.events.models import Event
from invenicum.events.publish import Draft, publish, publish_many
from invenicum.events.signals import events_published
from invenicum.timestamps import format_timestamp


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 7, 10, 30, tzinfo=UTC), "2026-03-07T10:30:00Z"),
        (datetime(2026, 3, 7, 10, 30, 59, 999_999, tzinfo=timezone(timedelta(hours=1))), "2026-03-07T09:30:59Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_written_in_utc_and_whole_seconds(moment: datetime, text: str) -> None:
    assert format_timestamp(moment) == text


def test_the_body_is_compact_and_in_the_order_of_the_specification(alice: User) -> None:
    moment = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
    (event,) = publish_many([Draft(alice, "asset.deleted", {"name": "Ünïcode", "assetId": "a"}, moment)])
    assert event.body == (
        '{"event":"asset.deleted","timestamp":"2026-03-07T10:30:00Z","data":{"name":"Ünïcode","assetId":"a"}}'
    )
    assert Event.objects.get().message().body == event.body.encode()


def test_an_event_exists_exactly_if_its_change_does(alice: User) -> None:
    with transaction.atomic():
        publish(alice, "asset.created", {})
        transaction.set_rollback(True)
    assert not Event.objects.exists()


def test_a_receiver_that_fails_undoes_the_event_and_its_change(alice: User) -> None:
    def fail(**_: Any) -> None:
        raise ZeroDivisionError

    events_published.connect(fail)
    try:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Asset.objects.create(owner=alice, name="Photo")
    finally:
        events_published.disconnect(fail)
    assert not Event.objects.exists()
    assert not Asset.objects.exists()


def test_receivers_are_called_once_for_a_batch_and_not_for_an_empty_one(alice: User) -> None:
    heard = []

    def listen(events: list[Event], **_: object) -> None:
        heard.append([event.name for event in events])

    events_published.connect(listen)
    try:
        publish_many([Draft(alice, "a.b", {}), Draft(alice, "c.d", {})])
        publish_many([])
    finally:
        events_published.disconnect(listen)
    assert heard == [["a.b", "c.d"]]

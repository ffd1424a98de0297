"""The delivery log with its filters: what it lists, in pages that cost the same however long it is."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.api.pagination import Cursor
from invenicum.events.publish import Draft, publish_many
from invenicum.ids import moment_of, uuid7
from tests.factories import connect_webhook
from webhooks import delivery_log
from webhooks.delivery_log import DeliveryLog, Filters, State
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db
Status = Delivery.Status
SLACK = {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, "channel": "#assets"}


def publish(owner: User, count: int, name: str = "asset.updated", asset: str = "") -> None:
    publish_many([Draft(owner, name, {"assetId": asset or f"asset-{number}"}) for number in range(count)])


def deliveries(owner: User, **filters: Any) -> list[Delivery]:
    return list(DeliveryLog(owner.pk, Filters(**filters)).page(None, 1000).rows)


def walk(owner: User, limit: int, **filters: Any) -> list[list[Delivery]]:
    """All pages, following `older`."""
    log, pages, cursor = DeliveryLog(owner.pk, Filters(**filters)), list[list[Delivery]](), None
    while True:
        page = log.page(cursor, limit)
        pages.append(list(page.rows))
        cursor = page.older
        if cursor is None:
            return pages


def test_each_state_selects_what_people_mean_by_it(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 6)
    on_its_way, retrying, waiting, delivered, failed, cancelled = Delivery.objects.order_by("id")
    Delivery.objects.filter(pk=retrying.pk).update(attempt_count=2)
    Delivery.objects.filter(pk=waiting.pk).update(due_at=None)
    for one, status in ((delivered, "delivered"), (failed, "failed"), (cancelled, "cancelled")):
        Delivery.objects.filter(pk=one.pk).update(status=status, due_at=None)
    expected = {
        State.ON_ITS_WAY: [on_its_way],
        State.RETRYING: [retrying],
        State.WAITING: [waiting],
        State.HELD: [],
        State.DELIVERED: [delivered],
        State.FAILED: [failed],
        State.CANCELLED: [cancelled],
    }
    assert {state: deliveries(alice, state=state) for state in State} == expected
    Integration.objects.update(problem_fault="target", problem="The address is gone.")
    assert deliveries(alice, state=State.HELD) == [retrying, on_its_way]
    assert deliveries(alice, state=State.RETRYING) == []


def test_filters_are_combined(alice: User) -> None:
    connect_webhook(alice)
    save_integration(alice, "slack", SLACK)
    publish(alice, 3)
    publish(alice, 2, "asset.deleted", asset="asset-1")
    assert len(deliveries(alice)) == 10
    assert len(deliveries(alice, type="slack")) == 5
    assert len(deliveries(alice, type="github")) == 0
    assert len(deliveries(alice, event="asset.deleted")) == 4
    assert len(deliveries(alice, asset="asset-1")) == 6
    assert len(deliveries(alice, asset="asset-1", event="asset.deleted", type="webhook")) == 2
    assert len(deliveries(alice, asset="asset-1", state=State.FAILED)) == 0


def test_the_error_class_is_that_of_the_last_attempt(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 2)
    first, second = Delivery.objects.order_by("id")
    Delivery.objects.filter(pk=first.pk).update(error_class="http")
    Delivery.objects.filter(pk=second.pk).update(error_class="timeout", status="failed")
    assert deliveries(alice, error_class="timeout") == [second]
    assert deliveries(alice, error_class="dns") == []


def test_the_time_is_that_of_the_delivery(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 2)
    now = timezone.now()
    hour = timedelta(hours=1)
    assert len(deliveries(alice, since=now - hour, until=now + hour)) == 2
    assert deliveries(alice, since=now + hour) == deliveries(alice, until=now - hour) == []
    assert abs(moment_of(uuid7()) - now) < hour


@pytest.mark.parametrize(
    "filters",
    [{}, {"type": "webhook"}, {"state": State.ON_ITS_WAY}, {"event": "asset.updated"}, {"asset": "asset-1"}],
    ids=lambda filters: "+".join(filters) or "none",
)
def test_pages_have_everything_once_forwards_and_backwards(alice: User, bob: User, filters: dict[str, Any]) -> None:
    for owner in (alice, bob):
        connect_webhook(owner)
        save_integration(owner, "slack", SLACK)
        publish(owner, 4, asset="asset-1")
    pages = walk(alice, 3, **filters)
    expected = deliveries(alice, **filters)
    assert [len(page) for page in pages] == ([3, 3, 2] if "type" not in filters else [3, 1])
    assert [one for page in pages for one in page] == expected
    assert {one.owner_id for one in expected} == {alice.pk}
    log = DeliveryLog(alice.pk, Filters(**filters))
    last = log.page(Cursor(False, pages[0][-1].pk), 3)
    assert last.newer is not None
    assert list(log.page(last.newer, 3).rows) == pages[0]
    assert log.neighbours(expected[1]) == (expected[0].pk, expected[2].pk)
    assert log.neighbours(expected[0]) == (None, expected[1].pk)


def test_what_no_index_has_is_looked_for_a_part_at_a_time(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_log, "LOOK_DELIVERIES", 5)
    connect_webhook(alice)
    publish(alice, 1, "asset.deleted")
    publish(alice, 9)
    log = DeliveryLog(alice.pk, Filters(event="asset.deleted"))
    page = log.page(None, 10)
    assert (list(page.rows), page.looked_until is not None) == ([], True)
    assert (log.count().total, log.count().is_exact) == (0, False)
    further = log.page(page.older, 10)
    assert [one.event.name for one in further.rows] == ["asset.deleted"]
    assert (further.older, further.looked_until) == (None, None)
    assert len(walk(alice, 2, event="asset.updated")) >= 5


def test_counts_end_where_nobody_needs_them(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_log, "COUNT_MOST", 5)
    connect_webhook(alice)
    publish(alice, 5)
    log = DeliveryLog(alice.pk, Filters())
    assert (log.count().by_status, log.count().is_exact, log.total()) == ({"pending": 5}, True, (5, True))
    publish(alice, 1)
    assert (log.count().total, log.count().is_exact, log.total()) == (5, False, (5, False))


def test_the_log_of_many_former_integrations_is_one_range(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    connect_webhook(alice)
    publish(alice, 3)
    monkeypatch.setattr(delivery_log, "MOST_RANGES", 0)
    assert len(deliveries(alice, type="webhook")) == 3
    assert len(deliveries(alice, state=State.FAILED)) == 0
    assert DeliveryLog(alice.pk, Filters(type="webhook")).total() == (3, True)
    assert DeliveryLog(alice.pk, Filters(type="slack")).total() == (0, True)


def test_a_page_needs_few_statements(alice: User, django_assert_max_num_queries: Any) -> None:
    connect_webhook(alice)
    publish(alice, 30)
    several: list[dict[str, Any]] = [
        {},
        {"type": "webhook", "state": State.FAILED},
        {"error_class": "http", "event": "a.b"},
    ]
    for filters in several:
        with django_assert_max_num_queries(5):
            log = DeliveryLog(alice.pk, Filters(**filters))
            rows = log.page(None, 25).rows
            log.total()
            for one in rows:
                assert (one.event.name, one.integration.type, one.integration.problem) == (
                    "asset.updated",
                    "webhook",
                    "",
                )

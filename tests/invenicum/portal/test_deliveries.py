"""The list of deliveries, and sending again all that match."""

from typing import Any

import pytest
from django.test import Client

from invenicum.accounts.models import User
from invenicum.assets.services import create_asset
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from webhooks import delivery_log
from webhooks.models import Delivery, Replay

from .conftest import Portal
from .forms import Form, text

pytestmark = pytest.mark.django_db
PAGE, RETRY = "/portal/deliveries", "/portal/deliveries/retry"


def publish(owner: User, count: int) -> None:
    publish_many([Draft(owner, "asset.updated", {"assetId": f"asset-{number}"}) for number in range(count)])


def fail_all() -> None:
    Delivery.objects.update(status="failed", due_at=None, attempt_count=10, error="HTTP 503")


def token_of(browser: Client) -> str:
    return text(browser.get("/portal")).partition('name="token" value="')[2][:64]


def test_the_list_says_what_became_of_each(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    assert "Nothing has been sent yet." in text(browser.get(PAGE))
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    Delivery.objects.update(attempt_count=2, error="HTTP 503")
    page = text(browser.get(PAGE))
    assert "<h1>Deliveries</h1>" in page
    assert "Leica M3</a>" in page
    assert "retrying 3 of 10" in page
    assert "HTTP 503" in page
    assert "1 delivery" in page


def test_filters_are_in_the_address_and_stay_in_its_links(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 30)
    fail_all()
    page = text(portal(alice).get(f"{PAGE}?type=webhook&state=failed&asset=asset-7"))
    assert page.count('class="what"') == 1
    assert "1 delivery with these filters" in page
    assert f'href="{PAGE}?type=webhook&amp;state=delivered&amp;asset=asset-7"' in page
    assert 'value="webhook" selected' in page
    assert 'name="asset" value="asset-7"' in page
    first = text(portal(alice).get(f"{PAGE}?state=failed"))
    assert first.count('class="what"') == 25
    older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert older.startswith("?state=failed&cursor=n")
    second = text(portal(alice).get(PAGE + older))
    assert second.count('class="what"') == 5
    assert 'rel="prev"' in second


def test_what_cannot_be_read_is_said_and_not_lost(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    page = text(portal(alice).get(f"{PAGE}?since=yesterday&state=lost&type=fax&error=odd&cursor=%00&asset={'a' * 101}"))
    assert "5 things are not right yet" in page
    assert 'value="yesterday"' in page
    assert 'href="#f-since"' in page
    assert "No delivery matches." in page
    good = text(portal(alice).get(f"{PAGE}?since=2020-01-01T00:00&until=2020-01-02T00:00:00Z&event=asset.updated"))
    assert "not right yet" not in good


def test_two_thousand_deliveries_that_are_retried_are_two_thousand(portal: Portal, alice: User, bob: User) -> None:
    for owner in (alice, bob):
        connect_webhook(owner)
    publish(alice, 1000)
    publish(alice, 1000)
    publish(bob, 1)
    fail_all()
    browser = portal(alice)
    assert "that match" not in text(browser.get(PAGE))
    assert "Retry all 2,000 that match" in text(browser.get(f"{PAGE}?state=failed"))
    asks = browser.get(f"{RETRY}?state=failed")
    assert "Retry all 2,000 that match?" in text(asks)
    done = Form(asks, RETRY).send(browser, RETRY)
    replay = Replay.objects.get()
    assert done["Location"] == f"{PAGE}?retried=2000&replays={replay.public_id}"
    shown = text(browser.get(done["Location"]))
    assert "2,000 deliveries are sent again now." in shown
    assert f'<a href="/portal/replays/{replay.public_id}">Custom Webhook</a>' in shown
    assert replay.public_id not in text(portal(bob).get(done["Location"]))
    assert Delivery.objects.filter(owner=alice, status="pending", due_at__isnull=False).count() == 2000
    assert Delivery.objects.get(owner=bob).status == "failed"


def test_sending_again_asks_once_and_says_what_is_sent(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    publish(alice, 3)
    Delivery.objects.update(status="delivered", due_at=None)
    browser = portal(alice)
    page = text(browser.get(RETRY))
    assert "Some of them were delivered already" in page
    assert "<dt>Delivered</dt><dd>3</dd>" in page
    assert "Nothing to send again" in text(browser.get(f"{RETRY}?state=failed"))
    assert browser.get(f"{RETRY}?state=lost")["Location"] == f"{PAGE}?state=lost"
    assert Delivery.objects.filter(status="delivered").count() == 3


def test_a_second_retry_waits_for_the_first(portal: Portal, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("webhooks.replays", "webhooks.retries"):
        monkeypatch.setattr(f"{module}.REPLAY_BATCH_DELIVERIES", 2)
    connect_webhook(alice)
    publish(alice, 5)
    fail_all()
    browser = portal(alice)
    data = {"token": token_of(browser), "state": "failed"}
    first = browser.post(RETRY, data)
    assert "The others follow by themselves." in text(browser.get(first["Location"]))
    second = browser.post(RETRY, data)
    assert second.status_code == 429
    assert "They are being sent already" in second.content.decode()


def test_where_no_index_helps_the_page_says_how_far_it_looked(
    portal: Portal, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_log, "LOOK_DELIVERIES", 5)
    connect_webhook(alice)
    publish(alice, 8)
    browser = portal(alice)
    page = text(browser.get(f"{PAGE}?event=asset.deleted"))
    assert "Nothing that matches so far." in page
    assert "Look further back" in page
    assert "Nothing that matches so far" in text(browser.get(f"{RETRY}?event=asset.deleted"))


def test_who_may_see_and_retry(portal: Portal, alice: User, bob: User) -> None:
    connect_webhook(alice)
    publish(alice, 2)
    fail_all()
    assert "asset-1</a>" not in text(portal(bob).get(PAGE))
    reader = portal(alice, read_only=True)
    assert "Retry all" not in text(reader.get(PAGE))
    assert reader.get(RETRY).status_code == 403
    assert reader.post(RETRY, {"token": token_of(portal(alice))}).status_code == 403
    assert portal(alice, "integrations:read").get(PAGE).status_code == 403
    assert 'href="/portal/deliveries"' not in text(portal(alice, "integrations:read").get("/portal"))
    stranger = portal(bob)
    assert stranger.post(RETRY, {"token": token_of(stranger)}).status_code == 303
    assert stranger.post(RETRY, {"token": "forged"}).status_code == 403
    assert Delivery.objects.filter(status="failed").count() == 2


def test_the_page_needs_few_statements(portal: Portal, alice: User, django_assert_max_num_queries: Any) -> None:
    connect_webhook(alice)
    publish(alice, 30)
    browser = portal(alice)
    for query in ("", "?state=failed&type=webhook", "?error=http&event=asset.updated", "?asset=asset-1"):
        with django_assert_max_num_queries(8):  # two of them for the session
            browser.get(PAGE + query)

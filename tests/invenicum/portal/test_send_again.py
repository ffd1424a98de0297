"""Sending afterwards and again: count, confirm, progress, cancel, with plain forms."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.throttling import SimpleRateThrottle

from integrations.models import Integration
from integrations.services import set_active
from invenicum.accounts.models import User
from invenicum.assets.services import create_asset
from tests.factories import connect_webhook
from webhooks import backfill_steps
from webhooks.models import Delivery, Replay

from .conftest import Portal
from .forms import Form

pytestmark = pytest.mark.django_db
PAGE = "/portal/services/webhook/send-again"


def text(answer: Any) -> str:
    return str(answer.content.decode())


def missed(owner: User, number: int) -> None:
    """A webhook that was paused while so many assets were created."""
    connect_webhook(owner)
    set_active(owner, "webhook", False)
    for one in range(number):
        create_asset(owner, {"name": f"Asset {one}"})
    Delivery.objects.all().delete()
    set_active(owner, "webhook", True)


def confirm(browser: Client, query: str) -> Any:
    """Counts, and sends the form that confirms it."""
    counted = browser.get(f"{PAGE}?count=1&{query}")
    assert "Send them" in text(counted), text(counted)
    return Form(counted, "/send-again").send(browser, PAGE)


def test_what_was_missed_is_counted_confirmed_watched_and_delivered(portal: Portal, alice: User) -> None:
    missed(alice, 3)
    browser = portal(alice)
    assert "Events that it missed" in text(browser.get(PAGE))
    counted = browser.get(f"{PAGE}?count=1&what=missed")
    assert "3 deliveries would be sent." in text(counted)
    assert not Replay.objects.exists()
    begun = confirm(browser, "what=missed")
    assert begun.status_code == 303
    page = begun["Location"]
    shown = text(browser.get(page))
    assert "Events that it missed, to Custom Webhook" in shown
    assert "0 of 3 have ended." in shown
    assert 'data-live="2"' in shown
    assert '<meta http-equiv="refresh" content="3">' in shown
    for _ in range(3):  # the second finds the end of the range
        Replay.objects.filter(finished_at=None).update(next_at=timezone.now())
        backfill_steps.run_due()
        Delivery.objects.update(status="delivered", due_at=None)
    shown = text(browser.get(page))
    assert "3 of 3 have ended." in shown
    assert '<span class="chip good">done</span>' in shown


def test_deliveries_of_a_range_are_sent_again_and_the_rest_is_cancelled(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    for number in range(4):
        create_asset(alice, {"name": f"Asset {number}"})
    newest = Delivery.objects.order_by("-id")[0]
    Delivery.objects.update(status="failed", due_at=None)
    Delivery.objects.filter(pk=newest.pk).update(created_at=newest.created_at + timedelta(days=2))
    browser = portal(alice)
    until = (newest.created_at + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    begun = confirm(browser, f"what=again&status=failed&until={until}")
    assert Delivery.objects.filter(status="pending").count() == 3
    page = begun["Location"]
    assert "Cancel the rest" in text(browser.get(page))
    assert Form(browser.get(page), "/cancel").send(browser, f"{page}/cancel").status_code == 303
    assert Delivery.objects.filter(status="cancelled").count() == 3
    shown = text(browser.get(page))
    assert "Cancel the rest" not in shown
    assert "data-live" not in shown.replace("data-live-switch", "")
    assert page in text(browser.get(PAGE))


def test_nothing_typed_is_lost_on_an_error(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    browser = portal(alice)
    page = text(browser.get(f"{PAGE}?count=1&what=again&since=yesterday&until=2026-03-07T10:30&status=delivered"))
    assert 'href="#f-since"' in page
    assert 'value="yesterday" aria-invalid="true" aria-describedby="e-since"' in page
    assert 'value="2026-03-07T10:30"' in page
    assert 'value="delivered" checked' in page
    assert 'value="again" checked' in page
    assert "This is not after the beginning." in text(
        browser.get(f"{PAGE}?count=1&since=2026-03-08T10:30&until=2026-03-07T10:30")
    )
    assert "Choose at least one." in text(browser.get(f"{PAGE}?count=1&what=again"))
    assert "Choose one of these." in text(browser.get(f"{PAGE}?count=1&what=all"))


def test_a_service_that_keeps_no_assets_says_so(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    Integration.objects.update(subscriptions=["asset.deleted"])
    answer = portal(alice).get(f"{PAGE}?count=1&what=existing")
    assert answer.status_code == 422
    assert "is not sent asset.created" in text(answer)


def test_a_second_one_waits_for_the_first(portal: Portal, alice: User) -> None:
    missed(alice, 2)
    browser = portal(alice)
    first = browser.get(f"{PAGE}?count=1&what=missed")
    assert Form(first, "/send-again").send(browser, PAGE).status_code == 303
    again = Form(first, "/send-again").send(browser, PAGE)
    assert again.status_code == 429
    assert 'role="alert"' in text(again)
    assert Replay.objects.count() == 1


def test_counting_is_limited_as_by_the_api(portal: Portal, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    connect_webhook(alice)
    rates = {**SimpleRateThrottle.THROTTLE_RATES, "backfill": "0/hour"}
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)
    assert portal(alice).get(f"{PAGE}?count=1").status_code == 429


def test_strangers_and_readers_change_nothing(portal: Portal, alice: User, bob: User, charlie: User) -> None:
    missed(alice, 2)
    connect_webhook(bob)
    browser = portal(alice)
    begun = confirm(browser, "what=missed")["Location"]
    for other in (bob, charlie):
        theirs = portal(other)
        token = text(theirs.get("/portal")).partition('name="token" value="')[2][:64]
        assert theirs.get(begun).status_code == 404
        assert theirs.post(f"{begun}/cancel", {"token": token}).status_code == 404
    assert portal(charlie).get(f"{PAGE}?count=1").status_code == 404
    reader = portal(alice, read_only=True)
    token = text(reader.get("/portal")).partition('name="token" value="')[2][:64]
    assert "Cancel the rest" not in text(reader.get(begun))
    assert "Send them" not in text(reader.get(f"{PAGE}?count=1&what=missed"))
    assert reader.post(PAGE, {"token": token, "what": "missed"}).status_code == 403
    assert reader.post(f"{begun}/cancel", {"token": token}).status_code == 403
    assert Replay.objects.get().state == "queueing"
    assert portal(alice, "integrations:read").get(begun).status_code == 403


def test_the_pages_need_few_statements(portal: Portal, alice: User, django_assert_max_num_queries: Any) -> None:
    missed(alice, 3)
    browser = portal(alice)
    begun = confirm(browser, "what=missed")["Location"]
    for address in (PAGE, begun):
        with django_assert_max_num_queries(6):
            browser.get(address)

"""Sending afterwards in a real browser: counted, confirmed, watched and cancelled without the page loading again."""

import pytest
from playwright.sync_api import BrowserContext, expect

from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.assets.services import create_asset
from tests.api_client import Api
from tests.browser import needs_browser
from tests.e2e.test_portal_in_a_browser import link, origin  # noqa: F401 - a fixture
from webhooks.models import Delivery

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]


def test_a_range_is_counted_sent_watched_and_cancelled_in_place(
    context: BrowserContext,
    origin: str,  # noqa: F811
    alice: User,
    api: Api,
) -> None:
    save_integration(alice, "webhook", {"url": "https://shop.example.com/hooks"})
    for number in range(3):
        create_asset(alice, {"name": f"Asset {number}"})
    Delivery.objects.update(status="failed", due_at=None)
    page = context.new_page()
    page.goto(link(api, alice, path="/services/webhook"))
    page.get_by_role("link", name="Count what is missing").click()
    page.evaluate("window.isSame = true")
    page.get_by_label("Deliveries once more").check()
    page.get_by_role("button", name="Count", exact=True).click()
    expect(page.get_by_text("3 deliveries would be sent.")).to_be_visible()
    page.get_by_role("button", name="Send them").click()
    expect(page.get_by_text("0 of 3 have ended.")).to_be_visible()
    Delivery.objects.filter(pk=Delivery.objects.values("pk")[:1]).update(status="delivered", due_at=None)
    expect(page.get_by_text("1 of 3 have ended.")).to_be_visible()
    page.get_by_role("button", name="Cancel the rest").click()
    expect(page.get_by_text("3 of 3 have ended.")).to_be_visible()
    assert page.evaluate("window.isSame")
    assert Delivery.objects.filter(status="cancelled").count() == 2

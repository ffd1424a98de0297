"""Staff look after integrations and deliveries in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.browser import needs_browser
from tests.factories import SECRET, connect_webhook
from webhooks.engine.worker import drain
from webhooks.models import Delivery

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]


@pytest.fixture
def page(staff: Page, alice: User, settings: Any) -> Page:
    """The console, with a delivery of Alice's that failed."""
    settings.RETRY_SCHEDULE = (0,)
    connect_webhook(alice, headers={"Authorization": "Bearer very-secret"})
    publish(alice, "asset.created", {"assetId": "asset-1"})
    drain()
    return staff


def choose(page: Page, action: str, kind: str) -> None:
    page.check("#result_list tbody tr:first-child input.action-select")
    page.select_option("select[name=action]", label=action)
    page.click("button[name=index]")
    expect(page.locator(".effect")).to_have_text(f"This is about 1 {kind}.")
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.locator(".messagelist .success")).to_be_visible()


def test_staff_open_a_failed_delivery_and_retry_it(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/webhooks/delivery/")
    page.click("#result_list tbody tr:first-child a >> nth=0")
    expect(page.locator("#content")).to_contain_text("asset-1")
    expect(page.locator("#attempts-group")).to_contain_text("refused")
    page.goto(f"{live_server.url}/admin/webhooks/delivery/")
    choose(page, "Retry the selected deliveries", "delivery")
    assert Delivery.objects.get().status == Delivery.Status.PENDING


def test_staff_see_an_integration_without_its_secrets_and_revoke_it(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/integrations/integration/")
    page.click("#result_list tbody tr:first-child a >> nth=0")
    expect(page.locator("#content")).to_contain_text("headers, secret")
    shown = page.content()
    assert "very-secret" not in shown
    assert SECRET not in shown
    page.goto(f"{live_server.url}/admin/integrations/integration/")
    choose(page, "Revoke: delete the selected integrations and their credentials", "integration")
    assert Integration.objects.get().secrets == {}


def test_nothing_scrolls_sideways_on_a_phone(page: Page, live_server: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    lists = ("webhooks/delivery", "webhooks/lane", "integrations/integration", "events/event", "accounts/user")
    for path in ("", "records/", "actions/hold/?type=webhook", *(f"{name}/" for name in lists)):
        page.goto(f"{live_server.url}/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path

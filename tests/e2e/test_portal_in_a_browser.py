"""The portal in a real browser: entered by a link, used with and without scripts, on a desktop and a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError, expect

from integrations import registry
from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows.models import Grant
from tests.api_client import Api
from tests.browser import needs_browser
from tests.e2e.conftest import policy_violations
from tests.e2e.portal_pages import furnish
from tests.fakes.authorization_server import AuthorizationServer
from tests.invenicum.portal.test_connect import FILLED
from tests.waiting import WAIT_DEADLINE_SECONDS
from webhooks.models import Delivery

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]
LINKS = "/api/v1/portal/links"


@pytest.fixture
def origin(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def without_scripts(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(java_script_enabled=False)
    violations = policy_violations(context)
    context.set_default_timeout(WAIT_DEADLINE_SECONDS * 1000)
    yield context
    context.close()
    assert violations == []


def link(api: Api, owner: User, **options: Any) -> str:
    answer = api(owner).post(LINKS, options)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["data"]["url"])


def test_a_link_is_opened_by_its_fragment_once(
    context: BrowserContext, origin: str, alice: User, api: Api, tmp_path: Path
) -> None:
    sent: list[str] = []
    context.on("request", lambda request: sent.append(request.url))
    url = link(api, alice, path="/services/webhook/connect")
    code = url.partition("#")[2]
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Connect Custom Webhook")
    assert page.url == f"{origin}/portal/services/webhook/connect"
    page.go_back()
    assert code not in page.url
    assert not [address for address in sent if code in address.partition("#")[0]]
    context.clear_cookies()
    page.goto("about:blank")
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Open again from Invenicum")


def test_without_scripts_a_pasted_link_opens_and_a_webhook_is_connected(
    without_scripts: BrowserContext, origin: str, alice: User, api: Api
) -> None:
    page = without_scripts.new_page()
    url = link(api, alice)
    page.goto(f"{origin}/portal/open")
    page.fill("#code", url)
    page.click("text=Open >> nth=-1")
    page.get_by_role("link", name="Connect Custom Webhook").click()
    page.fill("#f-url", "ftp://shop.example.com")
    page.get_by_role("button", name="Save and connect").click()
    expect(page.get_by_role("alert")).to_contain_text("URL: ")
    page.fill("#f-url", "https://shop.example.com/hooks")
    page.get_by_role("button", name="Save and connect").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Custom Webhook")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Nothing is sent until you resume it.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Asking Custom Webhook…")).to_be_visible()
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("Its credentials are erased here.")).to_be_visible()
    assert not Integration.objects.live().exists()


def test_without_scripts_all_twelve_types_are_connected(
    without_scripts: BrowserContext, origin: str, settings: Any, alice: User, api: Api
) -> None:
    page = without_scripts.new_page()
    page.goto(f"{origin}/portal/open")
    page.fill("#code", link(api, alice))
    page.click("text=Open >> nth=-1")
    for integration_type, values in FILLED.items():
        connect_with_form(page, f"{origin}/portal/services/{integration_type}/connect", values)
    callback = f"{origin}/api/v1/integrations/oauth/callback/google_drive"
    with AuthorizationServer([callback]) as provider:
        settings.PROVIDER_ENDPOINTS = {"google_drive": provider.endpoints}
        settings.OAUTH_CLIENTS = {"google_drive": (provider.client_id, provider.client_secret)}
        page.goto(f"{origin}/portal/services/google_drive/connect")
        page.get_by_role("link", name="Sign in at Google Drive").click()
        page.fill("input[name=username]", "ada")
        page.fill("input[name=password]", "ada")
        page.click("text=Sign in")
        page.click("input[name=allow]")
        expect(page.get_by_role("heading", level=1)).to_have_text("Google Drive")
        expect(page.get_by_text("Connected.", exact=True)).to_be_visible()
    connected = Integration.objects.filter(owner=alice, status=Integration.Status.ACTIVE)
    assert {one.type for one in connected} == {connector.type for connector in registry.CONNECTORS}
    assert Grant.objects.get().account == "ada@example.com"


def connect_with_form(page: Page, address: str, values: dict[str, Any]) -> None:
    """Fills in a type's form as a person does, has a preview shown, and saves it."""
    page.goto(address)
    for name, value in values.items():
        if not page.locator(f"#f-{name}").is_visible():
            page.get_by_text("More options").click()
        page.fill(f"#f-{name}", value)
    page.get_by_role("button", name="Show a preview").click()
    expect(page.get_by_text("asset-123").or_(page.get_by_text("Product Photo.jpg")).first).to_be_attached()
    page.get_by_role("button", name="Save and connect").last.click()
    expect(page.get_by_text("From now on it receives the events that you chose.")).to_be_visible()


def test_with_scripts_forms_are_sent_in_place_and_what_changes_appears_by_itself(
    context: BrowserContext, origin: str, alice: User, api: Api
) -> None:
    page = context.new_page()
    page.goto(link(api, alice, path="/services/webhook/connect"))
    page.evaluate("window.isTheSamePage = true")
    page.fill("#f-url", "ftp://shop.example.com")
    page.get_by_role("button", name="Save and connect").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.fill("#f-url", "https://shop.example.com/hooks")
    page.get_by_role("button", name="Save and connect").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Custom Webhook")
    assert page.url == f"{origin}/portal/services/webhook?done=saved"
    assert page.title().startswith("Custom Webhook")
    fresh = page.get_by_label("Keep this page fresh")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Asking Custom Webhook…")).to_be_visible()
    fresh.uncheck()
    Delivery.objects.update(status="cancelled", due_at=None)
    with pytest.raises(TimeoutError), page.expect_request("**/portal/services/webhook?ping=*", timeout=2500):
        pass
    fresh.check()
    expect(page.get_by_text("Asking Custom Webhook…")).to_be_hidden()
    assert page.evaluate("window.isTheSamePage")
    assert page.evaluate("Object.keys(localStorage).length") == 0


def test_the_service_address_leads_a_signed_in_person_to_the_portal(
    context: BrowserContext, origin: str, alice: User
) -> None:
    alice.set_password("a-long-password")
    alice.save()
    page = context.new_page()
    page.goto(origin)
    page.fill("#id_username", "alice")
    page.fill("#id_password", "a-long-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Services")
    page.locator(".who summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{origin}/portal")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_what_failed_is_found_sent_again_and_copied_with_the_mouse(
    context: BrowserContext, origin: str, alice: User, api: Api
) -> None:
    furnish(alice)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    page = context.new_page()
    page.goto(link(api, alice))
    page.get_by_role("link", name="Deliveries", exact=True).click()
    page.get_by_role("link", name="Failed", exact=True).click()
    page.get_by_role("link", name="Retry the one that matches").click()
    page.get_by_role("button", name="Send them again").click()
    expect(page.get_by_text("1 delivery is sent again now.")).to_be_visible()
    page.get_by_text("More filters").click()
    page.get_by_label("Service").select_option("webhook")
    page.get_by_role("button", name="Filter", exact=True).click()
    found = page.get_by_role("link", name="Field Notes 1998")
    expect(found).to_have_count(1)
    found.click()
    page.get_by_role("button", name="Copy as curl").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl -i -X POST https://shop.example.com/hooks")
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="What became of it").click()
    page.get_by_role("button", name="Send it there now Mixpanel").click()
    expect(page.get_by_text("It is sent to Mixpanel now.")).to_be_visible()
    assert not Delivery.objects.filter(status="failed").exists()


def test_read_only_pages_have_no_buttons_that_change(
    context: BrowserContext, origin: str, alice: User, api: Api
) -> None:
    furnish(alice)
    page = context.new_page()
    page.goto(link(api, alice, readOnly=True))
    harmless = {"Search", "More rows", "Show a preview"}
    for path in ("/portal", "/portal/services/webhook", "/portal/services/webhook/connect"):
        page.goto(origin + path)
        names = {button.inner_text() for button in page.locator("main button:visible").all()}
        assert names <= harmless, path

"""The portal in a frame of another site: who may frame it, what it tells that site, and signing in from there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows.models import Grant, UnconfirmedConnection
from tests.api_client import Api
from tests.browser import needs_browser
from tests.e2e.conftest import policy_violations
from tests.e2e.test_portal_in_a_browser import link
from tests.fakes.authorization_server import AuthorizationServer
from tests.fakes.http_server import FakeServer
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]
# A page of the app, which notes what the portal tells it. `localhost` and `127.0.0.1` are different sites.
APP = """<script>
  heard = [];
  addEventListener("message", ({origin, data}) => heard.push({...data, origin}));
</script><iframe src="%s" width="900" height="600"></iframe>"""


@pytest.fixture
def origin(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def provider(origin: str, settings: Any) -> Iterator[AuthorizationServer]:
    with AuthorizationServer([f"{origin}/api/v1/integrations/oauth/callback/google_drive"]) as server:
        settings.PROVIDER_ENDPOINTS = {"google_drive": server.endpoints}
        settings.OAUTH_CLIENTS = {"google_drive": (server.client_id, server.client_secret)}
        yield server


def app_with(url: str) -> FakeServer:
    return FakeServer(lambda request: (200, {"Content-Type": "text/html"}, (APP % url).encode()))


def heard(page: Page, event: str) -> list[Any]:
    return [one for one in json.loads(page.evaluate("JSON.stringify(heard)")) if one.get("event") == event]


def open_window(frame: FrameLocator) -> str:
    """Asks in the frame to sign in at Google Drive; returns the address of the window."""
    frame.get_by_role("button", name="Sign in at Google Drive").click()
    address = frame.get_by_role("link", name="Open the window of Google Drive").get_attribute("href")
    assert address
    return address


def consent(window: Page) -> None:
    window.get_by_role("button", name="Continue to Google Drive").click()
    window.fill("input[name=username]", "ada")
    window.fill("input[name=password]", "ada")
    window.click("text=Sign in")
    window.click("input[name=allow]")


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_frame_shows_it_on_allowed_origins_only(
    chromium: Browser, origin: str, settings: Any, alice: User, api: Api, is_allowed: bool
) -> None:
    context = chromium.new_context()  # of its own: a frame that is refused is a violation of the policy
    refusals = policy_violations(context)
    settings.PORTAL_FRAME_ORIGINS = ["https://app.example.com"]
    url = link(api, alice, embed=True)
    with app_with(url) as app:
        if is_allowed:
            settings.PORTAL_FRAME_ORIGINS = [app.url]
        page = context.new_page()
        page.goto(f"{app.url}/app")
        if is_allowed:
            frame = page.frame_locator("iframe")
            expect(frame.get_by_role("heading", level=1)).to_have_text("Services")
            frame.get_by_role("link", name="Connect Custom Webhook").click()
            frame.locator("#f-url").fill("https://shop.example.com/hooks")
            frame.get_by_role("button", name="Save and connect").click()
            expect(frame.get_by_role("heading", level=1)).to_have_text("Custom Webhook")
            assert refusals == []
            wait_until(lambda: bool(heard(page, "connected")), "the app is told of the connection")
            told = heard(page, "connected")[0]
            assert told == {
                "source": "invenicum-integrations",
                "event": "connected",
                "type": "webhook",
                "origin": origin,
            }
            assert heard(page, "height")[-1]["height"] > 300
            frame.locator(".who summary").click()
            frame.get_by_role("button", name="Leave").click()
            wait_until(lambda: bool(heard(page, "closed")), "the app hears that the portal was left")
        else:
            wait_until(lambda: page.evaluate("1") and bool(refusals), "the frame is refused")
    context.close()
    assert Integration.objects.filter(owner=alice).exists() == is_allowed


def test_signing_in_from_a_frame_goes_by_a_window_of_its_own(
    context: BrowserContext, origin: str, settings: Any, alice: User, api: Api, provider: AuthorizationServer
) -> None:
    settings.PORTAL_FRAME_ORIGINS = ["https://app.example.com"]
    with app_with(link(api, alice, embed=True, path="/services/google_drive/connect")) as app:
        settings.PORTAL_FRAME_ORIGINS = [app.url]
        page = context.new_page()
        page.goto(f"{app.url}/app")
        frame = page.frame_locator("iframe")
        open_window(frame)
        with page.expect_popup() as popup:
            frame.get_by_role("link", name="Open the window of Google Drive").click()
        consent(popup.value)
        expect(frame.get_by_role("heading", level=1)).to_have_text("Google Drive")
        expect(frame.get_by_text("Connected.", exact=True)).to_be_visible()
        wait_until(lambda: bool(heard(page, "connected")), "the app is told of the connection")
        wait_until(popup.value.is_closed, "the window closes itself")
    assert Grant.objects.get().account == "ada@example.com"
    assert Integration.objects.get(owner=alice).is_active


def test_the_copied_address_of_a_window_connects_nothing_for_anybody_else(
    chromium: Browser,
    context: BrowserContext,
    origin: str,
    settings: Any,
    alice: User,
    bob: User,
    api: Api,
    provider: AuthorizationServer,
) -> None:
    settings.PORTAL_FRAME_ORIGINS = ["https://app.example.com"]
    with app_with(link(api, alice, embed=True, path="/services/google_drive/connect")) as app:
        settings.PORTAL_FRAME_ORIGINS = [app.url]
        page = context.new_page()
        page.goto(f"{app.url}/app")
        copied = open_window(page.frame_locator("iframe"))
        elsewhere = chromium.new_context()
        other = elsewhere.new_page()
        other.goto(link(api, bob))
        other.goto(copied)
        consent(other)
        expect(other.get_by_role("heading", level=1)).to_have_text("Go back to Invenicum")
        assert other.url == f"{origin}/portal/window"  # without the result
        elsewhere.close()
        expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_have_text("Sign in at Google Drive")
    assert UnconfirmedConnection.objects.get().owner == alice
    assert not Integration.objects.exists()
    assert not Grant.objects.exists()

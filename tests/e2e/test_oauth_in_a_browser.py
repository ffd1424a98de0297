"""A person connects Google Drive in a real browser: signs in at the provider, consents, and ends on our page."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from integrations.models import Integration
from invenicum.accounts.tokens import issue_token
from oauth_flows.models import Grant
from tests.api_client import Api
from tests.browser import DESKTOP, PHONE, needs_browser
from tests.fakes.authorization_server import AuthorizationServer
from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]
AUTHORIZE = "/api/v1/integrations/oauth/authorize/google_drive"
# The app as a browser sees it: it asks for the address with its token, and opens it in a popup.
APP = """
<button>Connect Google Drive</button>
<script>
  addEventListener("message", (event) => { window.told = [event.origin, event.data]; });
  document.querySelector("button").onclick = async () => {
    const answer = await fetch("%s", {headers: {Authorization: "Bearer %s"}});
    open((await answer.json()).authorizationUrl, "connect", "popup,width=500,height=700");
  };
</script>
"""


@pytest.fixture
def origin(live_server: Any, settings: Any) -> Iterator[str]:
    """The service, set up for a Google of our own."""
    settings.PUBLIC_URL = live_server.url
    settings.OAUTH_RETURN_ORIGINS = ["https://elsewhere.example.com", live_server.url]
    callback = f"{live_server.url}/api/v1/integrations/oauth/callback/google_drive"
    with AuthorizationServer([callback]) as provider:
        settings.PROVIDER_ENDPOINTS = {"google_drive": provider.endpoints}
        settings.OAUTH_CLIENTS = {"google_drive": (provider.client_id, provider.client_secret)}
        yield live_server.url


def sign_in(page: Page) -> None:
    page.fill("input[name=username]", "ada")
    page.fill("input[name=password]", "ada")
    page.click("text=Sign in")


def connect_in_popup(page: Page, url: str, app: str) -> None:
    """Opens `app`, the HTML of a page at `url`, and signs in and consents in the popup that it opens."""
    page.context.route(url, lambda route: route.fulfill(body=app, content_type="text/html"))
    page.goto(url)
    with page.expect_popup() as opened:
        page.click("button")
    sign_in(opened.value)
    with opened.value.expect_event("close"):
        opened.value.click("input[name=allow]")


def with_token(context: BrowserContext, url: str, token: str) -> None:
    """Sends a token with the first request to `url`, as an app does that opens it in a view of its own."""

    def send(route: Route) -> None:
        route.continue_(headers={**route.request.headers, "authorization": f"Bearer {token}"})

    context.route(url, send, times=1)


def screenshots(page: Page, folder: Any, name: str) -> None:
    for kind, size in (("desktop", DESKTOP), ("phone", PHONE)):
        page.set_viewport_size(size)
        page.screenshot(path=folder / f"{name}-{kind}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide on a {kind}"


def test_a_person_consents_and_ends_on_our_page(
    context: BrowserContext, origin: str, alice: Any, tmp_path: Any
) -> None:
    page = context.new_page()
    failures: list[str] = []
    page.on("console", lambda message: failures.append(f"{message.text} {message.location['url']}"))
    with_token(context, origin + AUTHORIZE, issue_token(alice))
    page.goto(origin + AUTHORIZE)
    sign_in(page)
    page.click("input[name=allow]")
    expect(page.get_by_role("heading")).to_have_text("Google Drive is connected")
    expect(page.get_by_text("ada@example.com")).to_be_visible()
    assert page.url == f"{origin}/api/v1/integrations/oauth/callback/google_drive"  # without code and state
    assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "432px"
    assert [failure for failure in failures if origin in failure] == []
    screenshots(page, tmp_path, "connected")
    assert Integration.objects.get(owner=alice).is_active
    assert Grant.objects.get().account == "ada@example.com"


def test_a_popup_tells_the_app_and_closes(context: BrowserContext, origin: str, alice: Any) -> None:
    page = context.new_page()
    connect_in_popup(page, f"{origin}/app", APP % (AUTHORIZE, issue_token(alice)))
    told = {"source": "invenicum-integrations", "status": "connected", "type": "google_drive"}
    assert page.evaluate("window.told") == [origin, told]


def test_a_popup_tells_an_app_of_another_origin_too(
    context: BrowserContext, origin: str, settings: Any, alice: Any
) -> None:
    elsewhere = "http://127.0.0.1:9"
    settings.OAUTH_RETURN_ORIGINS = [elsewhere]
    app = APP.replace("(await answer.json()).authorizationUrl", f"'{origin}{AUTHORIZE}'") % ("/app", "")
    with_token(context, origin + AUTHORIZE, issue_token(alice))
    page = context.new_page()
    connect_in_popup(page, f"{elsewhere}/app", app)
    told = {"source": "invenicum-integrations", "status": "connected", "type": "google_drive"}
    assert page.evaluate("window.told") == [origin, told]


def test_an_opener_of_another_origin_is_told_nothing(
    context: BrowserContext, origin: str, settings: Any, alice: Any
) -> None:
    settings.OAUTH_RETURN_ORIGINS = ["https://elsewhere.example.com"]
    page = context.new_page()
    connect_in_popup(page, f"{origin}/app", APP % (AUTHORIZE, issue_token(alice)))
    assert page.evaluate("window.told") is None


def test_who_says_no_is_told_why_and_can_try_again(
    context: BrowserContext, origin: str, alice: Any, tmp_path: Any
) -> None:
    page = context.new_page()
    url = f"{origin}{AUTHORIZE}?returnUrl={origin}/app"
    with_token(context, url, issue_token(alice))
    page.goto(url)
    sign_in(page)
    page.click("text=Cancel")
    expect(page.get_by_role("heading")).to_have_text("Google Drive was not connected")
    expect(page.get_by_text("The access was not granted")).to_be_visible()
    expect(page.get_by_role("link", name="Back to Invenicum")).to_be_visible()
    screenshots(page, tmp_path, "failed")
    page.click("text=Try again")
    page.click("input[name=allow]")
    page.wait_for_url(f"{origin}/app?status=connected&type=google_drive")
    assert Integration.objects.get(owner=alice).is_active


def test_an_app_starts_in_the_systems_browser_and_confirms(
    context: BrowserContext, origin: str, alice: Any, api: Api, tmp_path: Any
) -> None:
    context.route(f"{origin}/app**", lambda route: route.fulfill(body="the app", content_type="text/html"))
    app = api(alice)
    started = app.post(AUTHORIZE.replace("authorize", "start"), {"returnUrl": f"{origin}/app"})
    page = context.new_page()
    page.goto(started.json()["data"]["startUrl"])
    expect(page.get_by_role("heading")).to_have_text("Connect Google Drive")
    screenshots(page, tmp_path, "link")
    page.click("text=Continue to Google Drive")
    sign_in(page)
    page.click("input[name=allow]")
    page.wait_for_url(f"{origin}/app?status=unconfirmed&type=google_drive&result=*")
    assert not Integration.objects.exists()
    [result] = parse_qs(urlsplit(page.url).query)["result"]
    assert app.post("/api/v1/integrations/oauth/confirm", {"result": result}).status_code == 200
    assert Integration.objects.get(owner=alice).is_active


def test_a_provider_that_asks_nothing_leads_from_the_button_straight_back_to_the_app(
    context: BrowserContext, origin: str, settings: Any, alice: Any, api: Api
) -> None:
    """One chain of redirects from our form to the provider and to the app: the policy of our page must not break it."""

    def answer(request: Received) -> Answer:
        parts = urlsplit(request.path)
        if parts.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            address = f"{query['redirect_uri']}?code=good&state={query['state']}"
            return 302, {"Location": address}, b""
        return json_answer(200, {"access_token": "a", "expires_in": 3600, "email": "ada@example.com"})

    context.route(f"{origin}/app**", lambda route: route.fulfill(body="the app", content_type="text/html"))
    with FakeServer(answer) as provider:
        paths = {"authorizeUrl": "/authorize", "tokenUrl": "/token", "revokeUrl": "/revoke", "identityUrl": "/me"}
        addresses = {name: provider.url + path for name, path in paths.items()}
        settings.PROVIDER_ENDPOINTS = {"google_drive": addresses}
        started = api(alice).post(AUTHORIZE.replace("authorize", "start"), {"returnUrl": f"{origin}/app"})
        page = context.new_page()
        page.goto(started.json()["data"]["startUrl"])
        page.click("text=Continue to Google Drive")
        page.wait_for_url(f"{origin}/app?status=unconfirmed&type=google_drive&result=*")

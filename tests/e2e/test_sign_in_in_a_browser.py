"""An app gets access in a real browser: its user signs in and allows it, and the app uses its tokens."""

import base64
import hashlib
import json
import secrets
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from invenicum.accounts.models import Application, User
from tests.browser import DESKTOP, PHONE, needs_browser
from tests.waiting import WAIT_DEADLINE_SECONDS

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]
CALLBACK = "http://127.0.0.1:9/signed-in"  # nothing listens there: the test reads the address from the browser
VERIFIER = secrets.token_urlsafe(48)


@pytest.fixture
def origin(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def app(transactional_db: None) -> Application:
    User.objects.create_user("ada", password="ada-lovelace")
    app = Application(name="Label Printer", redirect_uris=CALLBACK, client_id="label-printer")
    app.kind = Application.Kind.PUBLIC_APP
    app.save()
    return app


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def person(chromium: Browser, request: Any) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=DESKTOP, java_script_enabled=request.param)
    context.set_default_timeout(WAIT_DEADLINE_SECONDS * 1000)
    context.route(CALLBACK + "*", lambda route: route.fulfill(body="back in the app"))
    yield context
    context.close()


def metadata_of(origin: str) -> Any:
    with urllib.request.urlopen(f"{origin}/.well-known/oauth-authorization-server", timeout=60) as answer:
        return json.load(answer)


def authorization_url(metadata: Any) -> str:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": "label-printer",
        "redirect_uri": CALLBACK,
        "scope": "assets:read assets:write",
        "state": "a-state",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    return f"{metadata['authorization_endpoint']}?{urlencode(asked)}"


def redeem(metadata: Any, code: str) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "label-printer"}
    body = urlencode({**form, "code_verifier": VERIFIER}).encode()
    with urllib.request.urlopen(metadata["token_endpoint"], body, timeout=60) as answer:
        return json.load(answer)


def screenshots(page: Page, folder: Any, name: str) -> None:
    for kind, size in (("desktop", DESKTOP), ("phone", PHONE)):
        page.set_viewport_size(size)
        page.screenshot(path=folder / f"{name}-{kind}.png")


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_user_signs_in_and_allows_an_app(
    person: BrowserContext, origin: str, app: Application, tmp_path: Any
) -> None:
    metadata, page = metadata_of(origin), person.new_page()
    failures: list[str] = []
    page.on("console", lambda message: failures.append(message.text))
    assert metadata["issuer"] == origin
    page.goto(authorization_url(metadata))
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("The user name or the password is not correct")
    expect(page.get_by_label("Password")).to_be_focused()
    screenshots(page, tmp_path, "sign-in")
    sign_in(page, "ada-lovelace")
    expect(page.get_by_role("heading", level=1)).to_have_text("Label Printer asks for access")
    expect(page.get_by_text("Create, change and delete your assets")).to_be_visible()
    screenshots(page, tmp_path, "consent")
    assert failures == []
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{CALLBACK}*")
    answer = dict(parse_qsl(urlsplit(page.url).query))
    assert (answer["state"], answer["iss"]) == ("a-state", origin)
    token = redeem(metadata, answer["code"])["access_token"]
    request = urllib.request.Request(f"{origin}/api/v1/assets", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as assets:
        assert json.load(assets)["data"] == []


def test_a_user_refuses_an_app(person: BrowserContext, origin: str, app: Application) -> None:
    page = person.new_page()
    page.goto(authorization_url(metadata_of(origin)))
    sign_in(page, "ada-lovelace")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"{CALLBACK}*")
    assert dict(parse_qsl(urlsplit(page.url).query))["error"] == "access_denied"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(chromium: Browser, origin: str, app: Application, scheme: Any, tmp_path: Any) -> None:
    page = chromium.new_page(viewport=PHONE, color_scheme=scheme)
    app.name = "W" * 255
    app.save()

    def fits(name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"

    page.goto(authorization_url(metadata_of(origin)))
    fits("sign-in")
    sign_in(page, "ada-lovelace")
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
    fits("consent")
    page.goto(f"{origin}/oauth/authorize?client_id=unknown")
    fits("broken")
    page.goto(f"{origin}/signin")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    fits("signed-in")
    page.goto(f"{origin}/nothing")
    fits("nothing")
    page.close()

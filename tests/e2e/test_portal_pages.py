"""What is true of every page of the portal, in a real browser: on each screen, in light and dark, for everybody."""

import os
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, Request, ViewportSize, expect

from invenicum.accounts.models import User
from tests import catalogues
from tests.api_client import Api
from tests.browser import needs_browser
from tests.e2e.portal_pages import PAGES, furnish
from tests.e2e.test_portal_in_a_browser import link

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 375, "height": 760},
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCREENSHOTS = os.environ.get("SCREENSHOTS")  # the folder for those of the documentation
SERIOUS = ("serious", "critical")


@pytest.fixture
def origin(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


def what_axe_finds(page: Page, scheme: str) -> list[str]:
    """What is a barrier for somebody. In dark only the colors are other than in light."""
    only = {"runOnly": ["color-contrast"]} if scheme == "dark" else None
    found = Axe().run(page, options=only).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['html'][:200]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def check(page: Page, name: str, scheme: str) -> None:
    assert page.locator("h1").count() == 1, name
    assert page.evaluate("document.documentElement.lang") == "en", name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
    assert what_axe_finds(page, scheme) == [], name


def test_every_page_is_for_everybody_on_every_screen(
    context: BrowserContext, origin: str, alice: User, api: Api, tmp_path: Path
) -> None:
    parts, foreign = furnish(alice), list[str]()

    def note(request: Request) -> None:
        if not request.url.startswith((origin, "data:")):
            foreign.append(request.url)

    context.on("request", note)
    page = context.new_page()
    page.goto(link(api, alice))
    titles: dict[str, str] = {}
    for one in PAGES:
        page.goto(origin + one.path.format(**parts))
        assert titles.setdefault(page.title(), one.path.partition("?")[0]) == one.path.partition("?")[0]
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                check(page, one.name, scheme)
                page.screenshot(path=tmp_path / f"{one.name}-{size}-{scheme}.png", full_page=True)
                if SCREENSHOTS and one.is_shown and (size, scheme) != ("phone", "dark"):
                    page.screenshot(path=Path(SCREENSHOTS) / f"{one.name}-{size}-{scheme}.png")
    assert foreign == []


def test_the_pages_of_errors_and_beginnings_are_for_everybody_too(
    context: BrowserContext, origin: str, alice: User, api: Api
) -> None:
    page = context.new_page()
    page.set_viewport_size(SIZES["phone"])
    page.goto(f"{origin}/portal/open")
    check(page, "open", "light")
    page.goto("about:blank")
    page.goto(link(api, alice))
    expect(page.get_by_role("heading", name="Nothing is connected yet")).to_be_visible()
    check(page, "new", "light")
    page.goto(f"{origin}/portal/services/github/connect")
    page.get_by_role("button", name="Save and connect").click()
    expect(page.get_by_role("alert")).to_be_focused()
    check(page, "errors", "light")
    page.goto("about:blank")
    page.goto(f"{origin}/portal/open#used")
    expect(page.get_by_role("heading", level=1)).to_have_text("Open again from Invenicum")
    check(page, "ended", "light")


def test_longer_words_of_other_languages_fit_a_phone(
    context: BrowserContext, origin: str, alice: User, api: Api, tmp_path: Path
) -> None:
    furnish(alice)
    page = context.new_page()
    page.set_viewport_size(SIZES["phone"])
    for language in (*catalogues.LANGUAGES, "de"):
        page.goto(link(api, alice, lang=language))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == language
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), language
    for name, path in (("integration", "slack"), ("connect", "webhook/connect")):
        page.goto(f"{origin}/portal/services/{path}")
        page.screenshot(path=tmp_path / f"{name}-de.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the focus is on what has this name or label."""
    words = "element => [element.textContent, element.labels?.[0]?.textContent, element.ariaLabel].join(' ')"
    for _ in range(80):
        page.keyboard.press("Tab")
        if name in " ".join(page.evaluate(f"({words})(document.activeElement)").split()):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"the focus on {name} cannot be seen"
            return
    raise AssertionError(f"Tab does not lead to {name}")


def test_a_webhook_is_connected_with_the_keyboard_alone(
    context: BrowserContext, origin: str, alice: User, api: Api
) -> None:
    page = context.new_page()
    page.goto(link(api, alice))
    expect(page.get_by_role("heading", level=1)).to_have_text("Services")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # over the navigation
    tab_to(page, "Connect Custom Webhook")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Connect Custom Webhook")
    tab_to(page, "URL")
    page.keyboard.type("shop.example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    tab_to(page, "URL: ")
    page.keyboard.press("Enter")  # the summary leads to the field
    expect(page.locator("#f-url")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("https://shop.example.com/hooks")
    tab_to(page, "Save and connect")
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", level=1)).to_have_text("Custom Webhook")
    tab_to(page, "Pause")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is sent until you resume it.")).to_be_visible()

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from invenicum.accounts.models import User
from tests.browser import DESKTOP
from tests.e2e.running import Run
from tests.tools import tool
from tests.waiting import WAIT_DEADLINE_SECONDS


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, in which Django would refuse to touch the database.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        expect.set_options(timeout=WAIT_DEADLINE_SECONDS * 1000)
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def policy_violations(context: BrowserContext) -> list[str]:
    """What the pages of `context` try although their Content-Security-Policy forbids it, as the console says it."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            found.append(f"{message.page.url if message.page else ''}: {message.text}")

    context.on("console", note)
    return found


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """The browser of one person. It can reach this machine only. No page may try what its policy forbids."""
    context = chromium.new_context(viewport=DESKTOP)
    violations = policy_violations(context)
    context.set_default_timeout(WAIT_DEADLINE_SECONDS * 1000)
    context.route(lambda url: urlsplit(url).hostname not in ("localhost", "127.0.0.1"), lambda route: route.abort())
    yield context
    context.close()
    assert violations == []


@pytest.fixture
def staff(context: BrowserContext, live_server: Any) -> Page:
    """The console, in which a superuser has signed in."""
    User.objects.create_superuser("staff", password="staff")
    page = context.new_page()
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", "staff")
    page.fill("#id_password", "staff")
    page.click("[type=submit]")
    expect(page.locator("#user-tools")).to_contain_text("staff")
    return page


@pytest.fixture
def started() -> Iterator[list[Run]]:
    """Collects runs, which are ended after the test even if it fails."""
    runs: list[Run] = []
    yield runs
    for run in runs:
        run.process.kill()
        run.process.wait()

"""A real browser for tests: Chromium, headless."""

from playwright.sync_api import ViewportSize

from tests.tools import needs

DESKTOP: ViewportSize = {"width": 1100, "height": 800}
PHONE: ViewportSize = {"width": 375, "height": 700}

needs_browser = needs("chromium")

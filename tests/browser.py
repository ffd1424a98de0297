"""A real browser for tests: Chromium, headless."""

import os
import shutil

import pytest
from playwright.sync_api import ViewportSize

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
DESKTOP: ViewportSize = {"width": 1100, "height": 800}
PHONE: ViewportSize = {"width": 375, "height": 700}

needs_browser = pytest.mark.skipif(
    not CHROMIUM and not REQUIRED, reason="There is no Chromium here: `make browser` installs it"
)

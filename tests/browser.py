"""A real browser for tests: Chromium, headless."""

import os
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
DESKTOP, PHONE = {"width": 1100, "height": 800}, {"width": 375, "height": 700}

needs_browser = pytest.mark.skipif(
    not CHROMIUM and not REQUIRED, reason="There is no Chromium here: `make browser` installs it"
)

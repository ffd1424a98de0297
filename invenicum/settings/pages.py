"""Pages: languages, time, static files, and what may frame the portal."""

import warnings

from invenicum.env import env
from invenicum.settings.addresses import BASE_DIR

LANGUAGE_CODE = "en"
LANGUAGES = [  # of the portal, those of the app, each by its own name; the rest is in English
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("pt", "Português"),
]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "invenicum" / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()  # without `collectstatic`, serve from the packages
warnings.filterwarnings("ignore", f"No directory at: {STATIC_ROOT}")

# Origins whose pages may show the portal in a frame.
PORTAL_FRAME_ORIGINS: list[str] = env.list("PORTAL_FRAME_ORIGINS", [])

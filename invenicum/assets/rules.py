"""What an asset's fields may hold: one place for the model, the admin and the API. Pure."""

import re
from typing import Any

# Without lookarounds and with plain classes, so that Python, JavaScript and JSON Schema read them alike.
URL = r"^https?://[!-~]{1,2000}$"
NOT_BLANK = r"^[^\x00]*[^\x00 \t\r\n][^\x00]*$"
WITHOUT_NUL = r"^[^\x00]*$"

MAX_NAME = 255
MAX_CATEGORY = 100
MAX_TAG = 100
MAX_TAGS = 100
MAX_URL = 2048


def wrong_tags(tags: Any) -> str | None:
    """What is wrong with a list of tags, as the end of a sentence; None if it is valid."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return "must be a list of texts"
    if len(tags) > MAX_TAGS:
        return f"must have at most {MAX_TAGS} tags"
    if not all(re.fullmatch(NOT_BLANK, tag) and len(tag) <= MAX_TAG for tag in tags):
        return f"each tag must have 1 to {MAX_TAG} characters"
    if len(set(tags)) < len(tags):
        return "must not contain a tag twice"
    return None

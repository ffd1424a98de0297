"""From pydantic's validation errors to messages for the user, by field. Pure."""

import re
from collections.abc import Mapping

from pydantic import ValidationError

REQUIRED = "this field is required"


def messages_of(error: ValidationError, aliases: Mapping[str, str]) -> dict[str, list[str]]:
    """The messages by the field's JSON name, e.g. `{"apiKey": ["this field is required"]}`.

    `aliases` maps names in Python to names in JSON: pydantic reports an invalid default under the former.
    """
    found: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(item["loc"][0]) if item["loc"] else "config"
        where = ".".join(str(part) for part in item["loc"][1:] if not str(part).startswith(("function-", "[key]")))
        text = REQUIRED if item["type"] == "missing" else _reworded(item["msg"])
        found.setdefault(aliases.get(name, name), []).append(f"{where}: {text}" if where else text)
    return found


def summary_of(details: Mapping[str, list[str]]) -> str:
    """One sentence with the first message."""
    field, messages = next(iter(details.items()), ("config", ["is not valid"]))
    return f"The configuration is not valid: {field}: {messages[0]}."


def _reworded(message: str) -> str:
    """Pydantic's message as the end of a sentence that begins with the field's name."""
    if message.startswith("Value should have"):  # pydantic counts "items" in a text whose length is checked last
        message = re.sub(r" items?\b", " characters", message)
    message = re.sub(r"^(?:Input|Value|List|Dictionary|String) should (?:(be a )valid )?", r"must \1", message)
    message = re.sub(r" after validation, not (?:\d+|more)$|, unable to .*$|, got .*$", "", message)
    return message.replace("be a dictionary", "be an object")

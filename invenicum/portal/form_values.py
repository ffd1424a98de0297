"""What a person filled into a connector's form, as the integrations' services take it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from integrations.core.config import ConnectorConfig

from .form_fields import widget_of

ERASE = "erase"


def read_form(config: type[ConnectorConfig], form: QueryDict, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The values by JSON name. Blank secrets are those of `kept`, which were typed before; erased ones are None."""
    schema = config.json_schema()["properties"]
    erased = set(form.getlist(ERASE))
    values: dict[str, Any] = {}
    for fact in config.facts():
        if fact.internal:
            continue
        alias, widget = fact.alias, widget_of(fact, schema[fact.alias])
        if widget == "rows":
            values[alias] = _mapping(form, alias, kept.get(alias, {}))
        elif widget in ("events", "boxes"):
            values[alias] = [*form.getlist(alias), *_words(form.get(f"{alias}.more", ""))]
        elif widget == "check":
            values[alias] = alias in form
        elif alias in form:
            text = form.get(alias, "").replace("\r\n", "\n").strip()
            values[alias] = text or (kept.get(alias, "") if fact.secret else "")
        if fact.secret and alias in erased and not values.get(alias):
            values[alias] = None
    return values


def typed_secrets(config: type[ConnectorConfig], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are secrets, for `kept_secrets`: of a mapping only the values that were given."""
    found: dict[str, Any] = {}
    for fact in config.facts():
        value = values.get(fact.alias)
        if fact.secret and value:
            given = {name: text for name, text in value.items() if text} if fact.mapping else value
            found |= {fact.alias: given} if given else {}
    return found


def without_secrets(config: type[ConnectorConfig], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the form can show them again: of a secret mapping the names."""
    secret = {fact.alias: fact.mapping for fact in config.facts() if fact.secret}
    shown = {alias: value for alias, value in values.items() if alias not in secret}
    return shown | {alias: dict.fromkeys(values.get(alias) or (), "") for alias, mapping in secret.items() if mapping}


def _mapping(form: QueryDict, alias: str, kept: Mapping[str, str]) -> dict[str, str]:
    names, texts = form.getlist(f"{alias}.name"), form.getlist(f"{alias}.value")
    given = {name.strip(): text.strip() for name, text in zip(names, texts, strict=False) if name.strip()}
    return {name: text or kept.get(name, "") for name, text in given.items()}


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]

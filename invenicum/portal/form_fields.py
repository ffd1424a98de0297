"""The fields of a connector's form, from its declaration."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext as _

from integrations.core.config import ConnectorConfig, FieldFacts
from integrations.core.config_messages import REQUIRED
from invenicum.events.names import ASSET_EVENTS

Widget = Literal["text", "long", "secret", "long_secret", "choice", "check", "list", "events", "boxes", "rows"]

_WORDS = {"url": "URL", "id": "ID", "api": "API", "kms": "KMS", "acl": "ACL", "oauth": "OAuth"}
_EXPECTED = re.compile(r"must be (?P<says>.+), for example (?P<example>.+)", re.DOTALL)
_LONG = re.compile(r"\bPEM\b|^The JSON to send|^Certificates in")
BLANK_ROWS = 2
MAX_ROWS = 50


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a select or a box: its value, its words, and whether it is chosen."""

    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field as the template draws it.

    `value` is its text; a secret never has one. `note` says in a secret's place what there is already. `rows` are the
    names of a mapping, each with such a note. `is_main` says whether it is shown at once, not below "More options".
    `decides`: a stored secret is sent where this field says.
    """

    alias: str
    widget: Widget
    label: str
    hint: str
    required: bool
    is_main: bool
    errors: Sequence[str]
    value: str = ""
    note: str = ""
    can_erase: bool = False
    choices: Sequence[Choice] = ()
    rows: Sequence[tuple[str, str]] = field(default=())
    decides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a form shows: `values` without secrets, and the names of secrets that are `stored` or were `typed` before.

    `rows` is how many empty rows a mapping gets; `connected` that OAuth connected the integration.
    """

    values: Mapping[str, Any]
    stored: Collection[str] = ()
    typed: Collection[str] = ()
    connected: bool = False
    generated: Collection[str] = ()
    rows: int = BLANK_ROWS


def form_fields(
    config: type[ConnectorConfig],
    shown: Shown,
    errors: Mapping[str, Sequence[str]],
    hidden: Collection[str] = (),
) -> list[FormField]:
    """The fields in the order of the declaration, without the internal and the `hidden` ones. `errors` by JSON name."""
    schema = config.json_schema()["properties"]
    facts = [fact for fact in config.facts() if not fact.internal and fact.alias not in hidden]
    labels = labels_of(config)
    sentences = {alias: [_sentence(text, labels) for text in texts] for alias, texts in errors.items()}
    return [_field(config, fact, schema[fact.alias], shown, sentences.get(fact.alias, [])) for fact in facts]


def widget_of(fact: FieldFacts, schema: Mapping[str, Any]) -> Widget:
    """How a field is drawn and read."""
    items = schema.get("items", {})
    match fact.kind:
        case "mapping":
            return "rows"
        case "list":
            return "events" if items.get("examples") == [ASSET_EVENTS[0]] else "boxes" if "enum" in items else "list"
        case "boolean":
            return "choice" if "null" in schema["type"] else "check"
    if "enum" in schema:
        return "choice"
    is_long = _LONG.search(schema.get("description", "")) or "PEM" in schema.get("description", "")
    if fact.secret:
        return "long_secret" if is_long else "secret"
    return "long" if is_long else "text"


def label_of(alias: str, schema: Mapping[str, Any]) -> str:
    """`Access key ID` for `accessKeyId`."""
    words = [_WORDS.get(word.lower(), word) for word in str(schema.get("title", alias)).split()]
    return " ".join(words)


def labels_of(config: type[ConnectorConfig]) -> dict[str, str]:
    """The label of each field by its JSON name."""
    return {alias: _(label_of(alias, schema)) for alias, schema in config.json_schema()["properties"].items()}


def in_words(text: str, labels: Mapping[str, str]) -> str:
    """`text` with the labels in place of JSON names such as `webhookUrl`; words like `path` stay as they are."""
    names = [re.escape(alias) for alias in labels if alias != alias.lower()]
    if not names:
        return text
    return re.sub(rf"\b(?:{'|'.join(names)})\b", lambda found: f"“{labels[found[0]]}”", text)


def _field(
    config: type[ConnectorConfig], fact: FieldFacts, schema: Mapping[str, Any], shown: Shown, errors: list[str]
) -> FormField:
    widget, alias = widget_of(fact, schema), fact.alias
    value = shown.values.get(alias, schema.get("default"))
    required = fact.required and not (fact.oauth_replaces and shown.connected)
    is_named = required or alias in config.in_example or widget in ("events", "rows")
    is_changed = alias in shown.values and shown.values[alias] not in (None, "", [], schema.get("default"))
    return FormField(
        alias=alias,
        widget=widget,
        label=_(label_of(alias, schema)),
        hint=in_words(_hint(schema, fact), labels_of(config)),
        required=required,
        is_main=is_named or bool(errors) or (is_changed and not fact.secret),
        errors=errors,
        value="" if fact.secret else other_patterns(value) if widget == "events" else _text(value),
        note=_note(fact, shown),
        can_erase=fact.secret and not fact.mapping and not required and alias in shown.stored,
        choices=_choices(widget, schema, value),
        rows=_rows(value, alias, shown) if widget == "rows" else (),
        decides=any(
            alias in (*other.sent_to, other.kind_in) and other.alias in shown.stored for other in config.facts()
        ),
    )


def _hint(schema: Mapping[str, Any], fact: FieldFacts) -> str:
    words = description_of(schema)
    description = _(words) if words else ""
    examples = schema.get("examples") or (schema.get("items", {}).get("examples") if fact.kind == "list" else None)
    if examples and not fact.secret and len(str(examples[0])) <= 60:
        if not description:
            return _("For example %(example)s.") % {"example": examples[0]}
        return _("%(description)s, for example %(example)s.") % {"description": description, "example": examples[0]}
    return f"{description}." if description else ""


def description_of(schema: Mapping[str, Any]) -> str:
    """What a field is, in English and without a full stop; may be empty."""
    return str(schema.get("description", schema.get("items", {}).get("description", ""))).rstrip(".")


def _note(fact: FieldFacts, shown: Shown) -> str:
    if not fact.secret:
        return ""
    if fact.alias in shown.typed:
        return _("as you typed it; leave blank to keep")
    if fact.alias in shown.stored:
        return _("stored; leave blank to keep")
    return _("leave blank, and one is made for you") if fact.alias in shown.generated else ""


def _choices(widget: Widget, schema: Mapping[str, Any], value: Any) -> list[Choice]:
    match widget:
        case "choice" if "enum" in schema:
            options = [option for option in schema["enum"] if option is not None]
            blank = [Choice("", _("not set"), value in (None, ""))] if None in schema["enum"] else []
            return [*blank, *(Choice(option, option, option == value) for option in options)]
        case "choice":
            texts = {"": _("not set"), "true": _("yes"), "false": _("no")}
            return [Choice(key, words, key == _text(value)) for key, words in texts.items()]
        case "check":
            return [Choice("true", "", value is True)]
        case "events":
            return [Choice(name, name, name in (value or ())) for name in ASSET_EVENTS]
        case "boxes":
            return [Choice(name, name, name in (value or ())) for name in schema["items"]["enum"]]
    return []


def other_patterns(value: Any) -> str:
    """Of the events in `value` those that have no box, with commas between them."""
    return ", ".join(str(name) for name in (value or ()) if name not in ASSET_EVENTS)


def _rows(value: Any, alias: str, shown: Shown) -> list[tuple[str, str]]:
    names = list(value) if isinstance(value, Mapping) else []
    note = _("stored; leave blank to keep") if alias in shown.stored or alias in shown.typed else ""
    blank = min(shown.rows, MAX_ROWS - len(names))
    return [*((name, note) for name in names), *[("", "")] * max(blank, 0)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sentence(text: str, labels: Mapping[str, str]) -> str:
    text = _in_language(text)
    return in_words(text[:1].upper() + text[1:].rstrip(".") + ".", labels)


def _in_language(text: str) -> str:
    """What is wrong, in the language of the page if it says what a field is; else in English."""
    if text == REQUIRED:
        return _("this field is required")
    if found := _EXPECTED.fullmatch(text):
        description = found["says"][:1].upper() + found["says"][1:]
        translated = _(description)
        says = found["says"] if translated == description else translated
        return _("must be %(says)s, for example %(example)s") % {"says": says, "example": found["example"]}
    return text

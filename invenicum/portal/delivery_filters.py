"""The filters of the delivery list, as the address has them: `?state=failed&type=slack&since=2026-03-07T10:30`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import registry
from invenicum.events.names import MAX_ASSET_ID, MAX_NAME
from invenicum.timestamps import parse_timestamp
from webhooks.delivery_log import ERROR_CLASSES, Filters, State

from .delivery_words import ERROR_CLASS_WORDS, STATE_WORDS

NAMES = ("type", "state", "event", "error", "since", "until", "asset")
LABELS = {
    "type": gettext_lazy("Service"),
    "event": gettext_lazy("Event"),
    "error": gettext_lazy("What went wrong"),
    "asset": gettext_lazy("Asset"),
    "since": gettext_lazy("From"),
    "until": gettext_lazy("Until"),
}
Words = str | Promise


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. `texts`: what it has by name. `problems`: what cannot be read, by name."""

    filters: Filters
    texts: Mapping[str, str]
    problems: Mapping[str, str]

    @property
    def query(self) -> str:
        """The filters for another address, e.g. `state=failed&type=slack`; empty without any."""
        return self.query_with()

    def query_with(self, **changes: str) -> str:
        """The same with some of them replaced; an empty one is left out."""
        return urlencode({name: text for name, text in {**self.texts, **changes}.items() if text})

    @property
    def has_more(self) -> bool:
        """Whether there is another filter than the state."""
        return any(name != "state" for name in self.texts)


def read_filters(given: Mapping[str, Any]) -> Asked:
    """The filters of a query or a form. What cannot be read is no filter, and a problem."""
    texts = {name: text for name in NAMES if (text := str(given.get(name, "")).strip())}
    problems: dict[str, str] = {}
    times: dict[str, datetime | None] = {}
    for name in ("since", "until"):
        try:
            times[name] = read_time(texts.get(name, ""))
        except ValueError:
            problems[name] = _("This is not a date and a time, for example 2026-03-07 10:30.")
    for name, most in (("asset", MAX_ASSET_ID), ("event", MAX_NAME)):
        if "\0" in texts.get(name, "") or len(texts.get(name, "")) > most:
            problems[name] = _("This is longer than any that exists.")
    known: dict[str, Collection[str]] = {
        "type": [one.type for one in registry.all_connectors()],
        "state": list(State),
        "error": ERROR_CLASSES,
    }
    for name, choices in known.items():
        if name in texts and texts[name] not in choices:
            problems[name] = _("Choose one of the list.")
    good = {name: text for name, text in texts.items() if name not in problems}
    filters = Filters(
        type=good.get("type", ""),
        state=State(good["state"]) if "state" in good else None,
        event=good.get("event", ""),
        error_class=good.get("error", ""),
        asset=good.get("asset", ""),
        since=times.get("since"),
        until=times.get("until"),
    )
    return Asked(filters, texts, problems)


def tabs(asked: Asked) -> list[tuple[str, Words, bool]]:
    """The states to choose from: query, words, and whether it is chosen."""
    chosen = asked.texts.get("state", "")
    choices: Iterable[tuple[str, Words]] = [("", gettext_lazy("All")), *STATE_WORDS.items()]
    return [(asked.query_with(state=state), words, state == chosen) for state, words in choices]


def selections(asked: Asked) -> dict[str, list[tuple[str, Words, bool]]]:
    """The options of the lists of services and errors: value, words, and whether it is chosen."""
    choices: dict[str, list[tuple[str, Words]]] = {
        "type": [(one.type, one.name) for one in registry.all_connectors()],
        "error": list(ERROR_CLASS_WORDS.items()),
    }
    return {
        name: [(value, words, asked.texts.get(name) == value) for value, words in options]
        for name, options in choices.items()
    }


def read_time(text: str) -> datetime | None:
    """A time of a form, in UTC, or of an address. Raises ValueError."""
    if not text:
        return None
    if text[-1:] in "Zz" or "+" in text:
        return parse_timestamp(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

"""The services: all types by category, each with the state of the visitor's integration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import registry
from integrations.core.connector import Category, Connector
from integrations.models import Integration
from invenicum.plots import Drawing
from oauth_flows.clients import client_for
from oauth_flows.errors import NotConfigured
from webhooks.hourly_sums import Sum, last_hours

from . import figures, waiting
from .pages import portal_page, render
from .states import State, state_of
from .visitors import Visitor

CATEGORIES = {
    Category.COMMUNICATION: gettext_lazy("Chat"),
    Category.STORAGE: gettext_lazy("Storage"),
    Category.VERSION_CONTROL: gettext_lazy("Version control"),
    Category.ANALYTICS: gettext_lazy("Analytics"),
    Category.CUSTOM: gettext_lazy("Your own"),
}
SUGGESTED = ("webhook", "slack", "google_drive")
MONOGRAMS = {"s3": "S3", "google_drive": "GD", "google_analytics": "GA", "teams": "Te", "github": "GH", "gitlab": "GL"}
# The fields of a configuration that say what a person connected, in the order in which they are looked for.
TARGETS = ("url", "repository", "project", "bucket", "channel", "path", "folderId", "measurementId", "projectId")


@dataclass(frozen=True, slots=True)
class Card:
    """A service in the directory. hours: its last 24, oldest first; empty if the visitor may not see deliveries."""

    connector: Connector
    integration: Integration | None
    state: State
    hours: Sequence[Sum] = ()

    @property
    def monogram(self) -> str:
        """The initials on its card, as `GH`."""
        return monogram(self.connector)

    @property
    def target(self) -> str:
        """What it is connected to: account and place; what it does if it is not connected."""
        return target_of(self.integration) if self.integration else _(self.connector.description)

    @property
    def way(self) -> str:
        """How it can be connected, for one that is not."""
        if has_client(self.connector):
            return _("Sign in at %(name)s") % {"name": self.connector.name}
        if self.connector.oauth and self.connector.oauth.required:
            return _("Not set up on this server")
        return _("With a key") if self.connector.type != "webhook" else _("With an address")

    @property
    def headline(self) -> str:
        """`Slack needs you`, for its banner."""
        return str(self.state.headline) % {"name": self.connector.name}

    @property
    def spark(self) -> Drawing | None:
        """Its last 24 hours; None if there is nothing to draw."""
        return figures.spark(self.hours) if self.integration and self.hours else None

    @property
    def next_try(self) -> datetime | None:
        """When a service that fails is tried again, if it is held until then."""
        held = self.integration.lane.held_until if self.integration and self.state.needs_attention else None
        return held if held and held > timezone.now() else None

    @property
    def waiting(self) -> str:
        """How many deliveries wait, in a sentence; empty if none do. One statement."""
        return waiting.sentence(waiting.count_of(self.integration)) if self.integration and self.hours else ""

    @property
    def step_address(self) -> str:
        """Where its one next step is done."""
        name = "portal-connect" if self.state.step in ("connect", "complete", "reconnect") else "portal-integration"
        return reverse(name, args=[self.connector.type])


@dataclass(frozen=True, slots=True)
class Section:
    """A category with its cards."""

    name: str | Promise
    cards: list[Card]


@portal_page()
def show(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """The directory; `?q=` searches, `?show=connected` and `?show=attention` choose."""
    query, chosen = request.GET.get("q", "").strip(), request.GET.get("show", "")
    cards = cards_of(visitor)
    counts = {
        "": len(cards),
        "connected": sum(1 for card in cards if card.integration),
        "attention": sum(1 for card in cards if card.state.needs_attention),
    }
    shown = [card for card in cards if _is_chosen(card, chosen) and _is_found(card, query)]
    context = {
        "title": _("Services"),
        "sections": _sections(shown),
        "urgent": [card for card in cards if card.state.tone == "bad"],
        "suggested": [card for card in cards if card.connector.type in SUGGESTED],
        "query": query,
        "chosen": chosen,
        "filters": [
            ("", _("All"), counts[""]),
            ("connected", _("Connected"), counts["connected"]),
            ("attention", _("Needs attention"), counts["attention"]),
        ],
        "is_new": not counts["connected"],
    }
    return render(request, visitor, "directory", context)


def cards_of(visitor: Visitor) -> list[Card]:
    """A card for each type. One statement for the integrations, and one for their last 24 hours."""
    rows = Integration.objects.live().without_secrets().filter(owner=visitor.user).select_related("lane")
    saved = {row.type: row for row in rows}
    shown = [row.pk for row in saved.values()] if visitor.sees_deliveries else []
    hours = last_hours(shown, figures.SHOWN_HOURS, timezone.now()) if shown else {}
    return [
        Card(connector, row, state_of(row), hours.get(row.pk, ()) if row else ())
        for connector in registry.all_connectors()
        for row in (saved.get(connector.type),)
    ]


def monogram(connector: Connector) -> str:
    """`Sl` for Slack."""
    return "{}" if connector.type == "webhook" else MONOGRAMS.get(connector.type, connector.name[:2])


def target_of(integration: Integration) -> str:
    """`Invenicum Team · #asset-updates`: the account, if OAuth connected it, and the place."""
    place = next((str(integration.config[name]) for name in TARGETS if integration.config.get(name)), "")
    return " · ".join(filter(None, [integration.account, place])) or _("Saved")


def has_client(connector: Connector) -> bool:
    """Whether people can sign in at the service: it has OAuth, and the operator has set it up."""
    if connector.oauth is None:
        return False
    try:
        client_for(connector.type)
    except NotConfigured:
        return False
    return True


def _sections(cards: Iterable[Card]) -> list[Section]:
    by_category: dict[str, list[Card]] = {}
    for card in cards:
        by_category.setdefault(card.connector.category, []).append(card)
    return [Section(name, by_category[category]) for category, name in CATEGORIES.items() if category in by_category]


def _is_chosen(card: Card, chosen: str) -> bool:
    match chosen:
        case "connected":
            return card.integration is not None
        case "attention":
            return card.state.needs_attention
    return True


def _is_found(card: Card, query: str) -> bool:
    category = str(CATEGORIES[card.connector.category])
    texts = (card.connector.name, card.connector.type, card.connector.description, category)
    return all(any(word in text.lower() for text in texts) for word in query.lower().split())

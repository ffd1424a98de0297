"""The services: all types by category, each with the state of the visitor's integration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase

from integrations import registry
from integrations.core.connector import Category, Connector
from integrations.models import Integration
from oauth_flows.clients import client_for
from oauth_flows.errors import NotConfigured

from .pages import portal_page, render
from .states import State, state_of
from .visitors import Visitor

CATEGORIES = {
    Category.COMMUNICATION: "Chat",
    Category.STORAGE: "Storage",
    Category.VERSION_CONTROL: "Version control",
    Category.ANALYTICS: "Analytics",
    Category.CUSTOM: "Your own",
}
SUGGESTED = ("webhook", "slack", "google_drive")
MONOGRAMS = {"s3": "S3", "google_drive": "GD", "google_analytics": "GA", "teams": "Te", "github": "GH", "gitlab": "GL"}
# The fields of a configuration that say what a person connected, in the order in which they are looked for.
TARGETS = ("url", "repository", "project", "bucket", "channel", "path", "folderId", "measurementId", "projectId")


@dataclass(frozen=True, slots=True)
class Card:
    """A service in the directory."""

    connector: Connector
    integration: Integration | None
    state: State

    @property
    def monogram(self) -> str:
        """The letters in its mark."""
        return monogram(self.connector)

    @property
    def target(self) -> str:
        """What it is connected to: account and place; what it does if it is not connected."""
        return target_of(self.integration) if self.integration else self.connector.description

    @property
    def way(self) -> str:
        """How it can be connected, for one that is not."""
        if has_client(self.connector):
            return f"Sign in at {self.connector.name}"
        if self.connector.oauth and self.connector.oauth.required:
            return "Not set up on this server"
        return "With a key" if self.connector.type != "webhook" else "With an address"


@dataclass(frozen=True, slots=True)
class Section:
    """A category with its cards."""

    name: str
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
        "title": "Services",
        "sections": _sections(shown),
        "urgent": [card for card in cards if card.state.tone == "bad"],
        "suggested": [card for card in cards if card.connector.type in SUGGESTED],
        "query": query,
        "chosen": chosen,
        "filters": [
            ("", "All", counts[""]),
            ("connected", "Connected", counts["connected"]),
            ("attention", "Needs attention", counts["attention"]),
        ],
        "is_new": not counts["connected"],
    }
    return render(request, visitor, "directory", context)


def cards_of(visitor: Visitor) -> list[Card]:
    """A card for each type. One statement for the integrations."""
    rows = Integration.objects.live().without_secrets().filter(owner=visitor.user).select_related("lane")
    saved = {row.type: row for row in rows}
    return [
        Card(connector, saved.get(connector.type), state_of(saved.get(connector.type)))
        for connector in registry.all_connectors()
    ]


def monogram(connector: Connector) -> str:
    """`Sl` for Slack."""
    return "{}" if connector.type == "webhook" else MONOGRAMS.get(connector.type, connector.name[:2])


def target_of(integration: Integration) -> str:
    """`Invenicum Team · #asset-updates`: the account, if OAuth connected it, and the place."""
    place = next((str(integration.config[name]) for name in TARGETS if integration.config.get(name)), "")
    return " · ".join(filter(None, [integration.account, place])) or "Saved"


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
    texts = (card.connector.name, card.connector.type, card.connector.description, CATEGORIES[card.connector.category])
    return all(any(word in text.lower() for text in texts) for word in query.lower().split())

"""The pages that the navigation leads to."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .visitors import Visitor

START = "portal-services"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation.

    name: of its route. below: the paths that belong to it, besides its own. scope: without which it is not shown.
    """

    name: str
    words: str | Promise
    below: tuple[str, ...]
    scope: str = "integrations:read"


@dataclass(frozen=True, slots=True)
class Link:
    """An entry on a page. `current` is the value of `aria-current`: `page`, `true` for a page below it, or empty."""

    address: str
    words: str | Promise
    current: str


# In the order in which they stand.
ENTRIES = (
    Entry(START, _("Services"), ("/portal/services/", "/portal/replays/")),
    Entry("portal-deliveries", _("Deliveries"), ("/portal/deliveries/",), "deliveries:read"),
    Entry("portal-events", _("Events"), ("/portal/events/", "/portal/assets/"), "deliveries:read"),
    Entry("portal-verify", _("Verify"), ("/portal/verify/",)),
)


def links_for(visitor: Visitor, path: str) -> list[Link]:
    """The navigation of a visitor who is at `path`, e.g. `/portal/services/slack`."""
    links = []
    for entry in ENTRIES:
        address = reverse(entry.name)
        current = "page" if path == address else "true" if path.startswith(entry.below) else ""
        if visitor.may(entry.scope):
            links.append(Link(address, entry.words, current))
    return links

"""The page of one integration: its state, its last 24 hours, its last deliveries, and what can be done with it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations import grants, lookups, registry, signing_secrets
from integrations.models import Integration
from invenicum.events.names import ASSET_EVENTS, PING
from invenicum.ids import parse_public_id
from webhooks import replays
from webhooks.delivery_log import DeliveryLog, Filters
from webhooks.hourly_sums import last_hours, together
from webhooks.models import Delivery

from . import figures, waiting
from .delivery_words import row_of
from .directory import monogram, target_of
from .pages import SeeOther, portal_page, render
from .states import state_of
from .visitors import Visitor

SHOWN_DELIVERIES = 10
SHOWN_REPLAYS = 3
TRY_LOOKS = 15  # how often a page that waits for a try loads itself again, every two seconds
DONE: dict[str, str | Promise] = {
    "saved": _("Saved. From now on it receives the events that you chose."),
    "saved_paused": _("Saved, and paused: nothing is sent until you resume it."),
    "connected": _("Connected."),
    "paused": _("Paused. Nothing is sent until you resume it."),
    "resumed": _("Resumed. What was waiting is sent now."),
    "none": _("Nothing waits: there is nothing to try."),
}


@portal_page()
def show(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """The page of an integration; of one that is not saved yet, the form.

    `?ping=` shows what became of a delivery that was tried from here.
    """
    connector = registry.get(integration_type)
    integration = find(visitor, integration_type)
    if integration is None:
        return SeeOther(reverse("portal-connect", args=[integration_type]))
    state = state_of(integration)
    context: dict[str, Any] = {
        "title": connector.name,
        "connector": connector,
        "monogram": monogram(connector),
        "integration": integration,
        "target": target_of(integration),
        "state": state,
        "headline": str(state.headline) % {"name": connector.name},
        "done": DONE.get(request.GET.get("done", ""), ""),
        "is_connected": grants.current().is_connected(integration),
        "subscriptions": integration.subscriptions,
        "has_all_changes": set(integration.subscriptions) == set(ASSET_EVENTS),
        "inbound_url": lookups.inbound_url(integration),
        "may_send": visitor.may("deliveries:write"),
    }
    if connector.signing_secret and visitor.may_change:
        context["rotation_ends"] = signing_secrets.rotation_ends(integration)
    if visitor.sees_deliveries:
        context |= _deliveries(visitor, integration)
        if tried := request.GET.get("ping", ""):
            context |= _tried(request, integration, tried)
    return render(request, visitor, "integration", context)


def find(visitor: Visitor, integration_type: str) -> Integration | None:
    """The visitor's integration of a type with its lane; None if there is none."""
    rows = Integration.objects.live().without_secrets().filter(owner=visitor.user, type=integration_type)
    return rows.select_related("lane").first()


def address(integration_type: str, query: str = "") -> str:
    """The address of an integration's page."""
    return reverse("portal-integration", args=[integration_type]) + (f"?{query}" if query else "")


def _deliveries(visitor: Visitor, integration: Integration) -> dict[str, Any]:
    """What waits and until when, the plots, the last deliveries, and what is sent again or afterwards."""
    hours = last_hours([integration.pk], figures.SHOWN_HOURS, timezone.now())[integration.pk]
    total = together(hours)
    page = DeliveryLog(visitor.user.pk, Filters(), integration.pk).page(None, SHOWN_DELIVERIES)
    return {
        "waiting": waiting.sentence(waiting.count_of(integration)),
        "next_try": waiting.next_try(integration),
        "deliveries_plot": figures.deliveries_plot(hours) if total.delivered or total.failed else None,
        "answers_plot": figures.answers_plot(hours) if total.delivered else None,
        "rows": [row_of(delivery) for delivery in page.rows],
        "has_more": page.older is not None,
        "replays": [one for one in replays.newest(integration.pk, SHOWN_REPLAYS) if not one.finished_at],
    }


def _tried(request: HttpRequest, integration: Integration, public_id: str) -> dict[str, Any]:
    """What became of a delivery that was tried from here; while it is under way, the page looks again."""
    key = parse_public_id("dlv", public_id)
    mine = Delivery.objects.filter(integration=integration).select_related("integration", "event")
    delivery = mine.filter(pk=key).first() if key else None
    if delivery is None:
        raise Http404
    looks = request.GET.get("look", "")
    look = int(looks) + 1 if looks.isdecimal() and len(looks) < 3 else 1
    goes_on = delivery.status == Delivery.Status.PENDING and not delivery.attempts_made and delivery.due_at is not None
    again = address(integration.type, f"ping={delivery.public_id}&look={look}")
    return {
        "ping": delivery,
        "is_test": delivery.event.name == PING,
        "ping_attempt": delivery.attempts.order_by("-id").first(),
        "ping_refresh": again if goes_on and look <= TRY_LOOKS else "",
    }

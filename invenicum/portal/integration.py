"""One integration: its state, its last deliveries, and what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from integrations import grants, registry, services, signing_secrets
from integrations.core.errors import InvalidConfig
from integrations.models import Integration
from invenicum.api.throttling import OutgoingThrottle, SaveThrottle
from invenicum.events.names import ASSET_EVENTS
from invenicum.ids import parse_public_id
from invenicum.quotas import QuotaExceeded
from webhooks.models import Delivery
from webhooks.services import ping as send_ping

from .directory import monogram, target_of
from .limits import seconds_to_wait
from .pages import SeeOther, message_page, portal_page, render
from .states import delivery_state, state_of
from .visitors import Visitor

SHOWN_DELIVERIES = 10
COUNTED_PENDING = 1000
PING_LOOKS = 15  # how often a page that waits for a ping loads itself again, every two seconds
DONE = {
    "saved": "Saved. From now on it receives the events that you chose.",
    "saved_paused": "Saved, and paused: nothing is sent until you resume it.",
    "connected": "Connected.",
    "paused": "Paused. Nothing is sent until you resume it.",
    "resumed": "Resumed. What was waiting is sent now.",
}
WRITE = "integrations:write"


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as the list shows it."""

    delivery: Delivery
    tone: str
    words: str
    subject: str


@portal_page()
def show(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """The page of an integration; of one that is not saved yet, the form. `?ping=` shows what became of a ping."""
    connector = registry.get(integration_type)
    integration = _find(visitor, integration_type)
    if integration is None:
        return SeeOther(reverse("portal-connect", args=[integration_type]))
    context: dict[str, Any] = {
        "title": connector.name,
        "connector": connector,
        "monogram": monogram(connector),
        "integration": integration,
        "target": target_of(integration),
        "state": state_of(integration),
        "done": DONE.get(request.GET.get("done", ""), ""),
        "is_connected": grants.current().is_connected(integration),
        "subscriptions": integration.subscriptions,
        "has_all_changes": set(integration.subscriptions) == set(ASSET_EVENTS),
        "inbound_url": services.inbound_url(integration),
    }
    if visitor.sees_deliveries:
        context |= {"rows": _rows(integration), **_waiting(integration)}
        if ping := request.GET.get("ping", ""):
            context |= _ping(request, integration, ping)
    return render(request, visitor, "integration", context)


@portal_page(get=None, post=WRITE)
def pause(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """Nothing is sent until it is resumed."""
    return _set_active(request, visitor, integration_type, False)


@portal_page(get=None, post=WRITE)
def resume(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """It is active again, and what waits is sent."""
    return _set_active(request, visitor, integration_type, True)


@portal_page(get=None, post=WRITE)
def ping(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """Sends a test event, and shows what becomes of it."""
    if seconds := seconds_to_wait(OutgoingThrottle, visitor.user):
        return _too_often(request, visitor, seconds)
    try:
        delivery = send_ping(visitor.user, integration_type)
    except QuotaExceeded as error:
        return message_page(request, visitor, "The test was not sent", error.message, 429)
    return SeeOther(f"{_address(integration_type)}?ping={delivery.public_id}")


@portal_page(get=None, post=WRITE)
def secret(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """Shows the signing secret, or the public key, with `do=rotate` a new one. By a form only: no history has it."""
    context: dict[str, Any] = {"title": "Signing secret", "connector": registry.get(integration_type)}
    rotates = request.POST.get("do") == "rotate"
    if rotates and (seconds := seconds_to_wait(SaveThrottle, visitor.user)):
        return _too_often(request, visitor, seconds)
    try:
        if rotates:
            context["secret"], context["until"] = signing_secrets.rotate_signing_secret(visitor.user, integration_type)
        else:
            context["secret"] = signing_secrets.signing_secret(visitor.user, integration_type)
    except signing_secrets.NoSigningSecret:
        raise Http404 from None
    return render(request, visitor, "secret", context)


@portal_page(get=WRITE, post=WRITE)
def disconnect(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """GET asks once and says what is erased; POST erases it."""
    if request.method == "POST":
        if seconds := seconds_to_wait(SaveThrottle, visitor.user):
            return _too_often(request, visitor, seconds)
        services.delete_integration(visitor.user, integration_type)
        return SeeOther(f"{reverse('portal-services')}?gone={integration_type}")
    integration = services.find(visitor.user, integration_type)
    connector = registry.get(integration_type)
    context = {
        "title": f"Disconnect {connector.name}?",
        "connector": connector,
        "target": target_of(integration),
        "is_connected": grants.current().is_connected(integration),
        **_waiting(integration),
    }
    return render(request, visitor, "disconnect", context)


def _set_active(request: HttpRequest, visitor: Visitor, integration_type: str, is_active: bool) -> HttpResponseBase:
    if seconds := seconds_to_wait(SaveThrottle, visitor.user):
        return _too_often(request, visitor, seconds)
    try:
        services.set_active(visitor.user, integration_type, is_active)
    except InvalidConfig as error:
        return message_page(request, visitor, "It cannot be resumed yet", error.message, 422)
    return SeeOther(f"{_address(integration_type)}?done={'resumed' if is_active else 'paused'}")


def _find(visitor: Visitor, integration_type: str) -> Integration | None:
    rows = Integration.objects.live().without_secrets().filter(owner=visitor.user, type=integration_type)
    return rows.select_related("lane").first()


def _rows(integration: Integration) -> list[Row]:
    """The last deliveries. Their keys are read for each status: the log's index begins with it."""
    keys = [
        key
        for status in Delivery.Status.values
        for key in Delivery.objects.filter(integration=integration, status=status)
        .order_by("-id")
        .values_list("pk", flat=True)[:SHOWN_DELIVERIES]
    ]
    newest = sorted(keys, reverse=True)[:SHOWN_DELIVERIES]
    found = Delivery.objects.filter(pk__in=newest).select_related("event").defer("event__document").order_by("-id")
    return [_row(delivery, integration) for delivery in found]


def _row(delivery: Delivery, integration: Integration) -> Row:
    tone, words = delivery_state(
        delivery.status,
        tries=delivery.attempts_made,
        most=len(settings.RETRY_SCHEDULE),
        waits=delivery.due_at is None,
        held=integration.problem_fault == Integration.Fault.TARGET,
    )
    data = delivery.event.payload.get("data")
    subject = str(data.get("name") or data.get("assetId") or "") if isinstance(data, dict) else ""
    return Row(delivery, tone, words, subject)


def _waiting(integration: Integration) -> dict[str, Any]:
    """How many deliveries wait, and when the next one is tried."""
    pending = Delivery.objects.filter(integration=integration, status=Delivery.Status.PENDING).order_by()
    count = pending[: COUNTED_PENDING + 1].count()
    due = Delivery.objects.filter(
        integration=integration, status=Delivery.Status.PENDING, due_at__isnull=False
    ).order_by("due_at")
    first: datetime | None = due.values_list("due_at", flat=True).first()
    held = integration.lane.held_until
    times = [moment for moment in (first, held) if moment and moment > timezone.now()]
    return {
        "waiting": f"{COUNTED_PENDING:,} or more" if count > COUNTED_PENDING else f"{count:,}" if count else "",
        "waiting_is_one": count == 1,
        "next_try": max(times) if first and times else None,
    }


def _ping(request: HttpRequest, integration: Integration, ping_id: str) -> dict[str, Any]:
    """What became of a ping; while it is under way, the page looks again."""
    key = parse_public_id("dlv", ping_id)
    mine = Delivery.objects.filter(integration=integration).select_related("integration")
    delivery = mine.filter(pk=key).first() if key else None
    if delivery is None:
        raise Http404
    looks = request.GET.get("look", "")
    look = int(looks) + 1 if looks.isdecimal() and len(looks) < 3 else 1
    goes_on = delivery.status == Delivery.Status.PENDING and not delivery.attempts_made and delivery.due_at is not None
    again = f"{_address(integration.type)}?ping={delivery.public_id}&look={look}"
    return {
        "ping": delivery,
        "ping_attempt": delivery.attempts.order_by("-id").first(),
        "ping_refresh": again if goes_on and look <= PING_LOOKS else "",
    }


def _address(integration_type: str) -> str:
    return reverse("portal-integration", args=[integration_type])


def _too_often(request: HttpRequest, visitor: Visitor, seconds: int) -> HttpResponseBase:
    response = message_page(request, visitor, "That was too often", f"Try again in {seconds} seconds.", 429)
    response["Retry-After"] = str(seconds)
    return response

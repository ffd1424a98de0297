"""One delivery: its tries, the answer, what was sent, and sending it again."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import registry, signed_requests
from integrations.core.curl_command import curl_command
from integrations.core.errors import IntegrationError
from integrations.lookups import IntegrationNotFound
from integrations.models import Integration
from integrations.signing_secrets import NoSigningSecret
from invenicum.ids import parse_public_id, public_id
from invenicum.plots import Try
from webhooks import services
from webhooks.delivery_log import DeliveryLog
from webhooks.event_status import outcomes_of
from webhooks.models import Delivery

from . import tries
from .deliveries import CHANGE, SEE
from .delivery_filters import Asked, read_filters
from .delivery_words import chip_of, outcome_of, service_of, subject_of
from .directory import target_of
from .events import shown_json
from .pages import SeeOther, message_page, portal_page, render
from .preview import ShownPreview, preview_of_delivery
from .visitors import Visitor

SHOWN_TRIES = 20


@portal_page(get=SEE)
def show(request: HttpRequest, visitor: Visitor, delivery_id: str) -> HttpResponseBase:
    """The page of a delivery. The filters of the list stay in its address, for the previous and the next one."""
    delivery, asked = _find(visitor, delivery_id), read_filters(request.GET)
    event, integration = delivery.event, delivery.integration
    now = timezone.now()
    newest = list(delivery.attempts.order_by("-id")[:SHOWN_TRIES])
    is_live = integration.deleted_at is None
    context = {
        "title": _("%(what)s to %(service)s")
        % {"what": subject_of(event) or event.name, "service": service_of(delivery)},
        "subject": subject_of(event),
        "delivery": delivery,
        "event": event,
        "service": service_of(delivery),
        "target": target_of(integration) if is_live else _("disconnected"),
        "is_live": is_live,
        "chip": chip_of(delivery),
        "tries": [*tries.made(newest[::-1], now), *_planned(delivery)],
        "earlier_tries": max(delivery.attempts_made - len(newest), 0),
        "answered": next((one for one in newest if one.status_code), None),
        "shown": _shown(visitor, delivery) if is_live else None,
        "payload": shown_json(event.body),
        "others": [outcome_of(one) for one in outcomes_of(event) if one.integration.pk != integration.pk],
        "may_retry": is_live and visitor.may(CHANGE),
        "is_sent_again": request.GET.get("done") == "retried",
        "has_curl": is_live and registry.get(integration.type).signing_secret is not None,
        "asked": asked,
        **_neighbours(visitor, delivery, asked),
    }
    return render(request, visitor, "delivery", context)


@portal_page(get=None, post=CHANGE)
def retry(request: HttpRequest, visitor: Visitor, delivery_id: str) -> HttpResponseBase:
    """Sends it again now."""
    delivery = _find(visitor, delivery_id)
    try:
        services.retry(delivery)
    except IntegrationNotFound:
        text = _("The service that it went to has been disconnected.")
        return message_page(request, visitor, _("It cannot be sent again"), text, 409)
    query = read_filters(request.POST).query_with(done="retried")
    return SeeOther(f"{reverse('portal-delivery', args=[delivery_id])}?{query}")


@portal_page(get=None, post=CHANGE)
def curl(request: HttpRequest, visitor: Visitor, delivery_id: str) -> HttpResponseBase:
    """The request as a command, signed now. By a form only, so that no history has the signature."""
    delivery = _find(visitor, delivery_id)
    message = delivery.event.message(delivery.public_id)
    try:
        signed = signed_requests.signed_request(visitor.user, delivery.integration.type, message, int(time.time()))
    except (NoSigningSecret, IntegrationNotFound):
        raise Http404 from None
    except IntegrationError as error:
        return message_page(request, visitor, _("There is no such request"), error.message, 409)
    context = {
        "title": _("Copy as curl"),
        "delivery": delivery,
        "subject": subject_of(delivery.event) or delivery.event.name,
        "command": curl_command(signed.request, signed.hidden),
        "hidden": signed.hidden,
        "needs_certificate": signed.request.tls is not None,
        "asked": read_filters(request.POST),
    }
    return render(request, visitor, "curl", context)


def _find(visitor: Visitor, delivery_id: str) -> Delivery:
    """The visitor's delivery with event and integration. Raises Http404."""
    key = parse_public_id("dlv", delivery_id)
    mine = Delivery.objects.filter(owner=visitor.user).select_related("event", "integration__lane")
    delivery = mine.defer("integration__secrets").filter(pk=key).first() if key else None
    if delivery is None:
        raise Http404
    return delivery


def _shown(visitor: Visitor, delivery: Delivery) -> ShownPreview:
    return preview_of_delivery(visitor, delivery.integration.type, delivery.event.public_id, delivery.public_id)


def _planned(delivery: Delivery) -> list[Try]:
    """The tries to come, of one that is not held or waiting: those have no time."""
    integration = delivery.integration
    if delivery.status != Delivery.Status.PENDING or delivery.due_at is None:
        return []
    held = integration.lane.held_until
    due_at = max(delivery.due_at, held) if held else delivery.due_at
    is_held = integration.problem_fault == Integration.Fault.TARGET
    # A held one is tried from time to time until its owner has acted, whatever the schedule has left.
    schedule = () if is_held else settings.RETRY_SCHEDULE
    return tries.planned(due_at, delivery.attempt_count, schedule, timezone.now())


def _neighbours(visitor: Visitor, delivery: Delivery, asked: Asked) -> dict[str, Any]:
    newer, older = DeliveryLog(visitor.user.pk, asked.filters).neighbours(delivery)
    return {name: _address(key, asked) if key else "" for name, key in (("newer", newer), ("older", older))}


def _address(key: Any, asked: Asked) -> str:
    query = f"?{asked.query}" if asked.query else ""
    return reverse("portal-delivery", args=[public_id("dlv", key)]) + query

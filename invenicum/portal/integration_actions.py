"""What can be done with an integration on its page: pause, resume, test, try now, signing secret, disconnect."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from integrations import grants, lookups, registry, services, signing_secrets
from integrations.core.connector import Connector
from integrations.core.errors import InvalidConfig
from invenicum.api.throttling import OutgoingThrottle, SaveThrottle
from invenicum.quotas import QuotaExceeded
from webhooks.services import ping as send_ping
from webhooks.services import try_next

from . import waiting
from .directory import target_of
from .integration import address
from .limits import seconds_to_wait
from .pages import SeeOther, message_page, portal_page, render, too_often
from .visitors import Visitor

WRITE = "integrations:write"


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
        return too_often(request, visitor, seconds)
    try:
        delivery = send_ping(visitor.user, integration_type)
    except QuotaExceeded as error:
        return message_page(request, visitor, _("The test was not sent"), error.message, 429)
    return SeeOther(address(integration_type, f"ping={delivery.public_id}"))


@portal_page(get=None, post="deliveries:write")
def try_now(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """Tries the delivery that has waited longest, and shows what becomes of it. If it succeeds, the others follow."""
    if seconds := seconds_to_wait(OutgoingThrottle, visitor.user):
        return too_often(request, visitor, seconds)
    delivery = try_next(visitor.user, integration_type)
    return SeeOther(address(integration_type, f"ping={delivery.public_id}" if delivery else "done=none"))


@portal_page(get=None, post=WRITE)
def secret(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """Shows the signing secret, or the public key, with `do=rotate` a new one. By a form only: no history has it."""
    context: dict[str, Any] = {"title": _("Signing secret"), "connector": registry.get(integration_type)}
    rotates = request.POST.get("do") == "rotate"
    if rotates and (seconds := seconds_to_wait(SaveThrottle, visitor.user)):
        return too_often(request, visitor, seconds)
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
            return too_often(request, visitor, seconds)
        services.delete_integration(visitor.user, integration_type)
        return SeeOther(f"{reverse('portal-services')}?gone={integration_type}")
    integration = lookups.find(visitor.user, integration_type)
    connector = registry.get(integration_type)
    context = {
        "title": _("Disconnect %(name)s?") % {"name": connector.name},
        "connector": connector,
        "target": target_of(integration),
        "is_connected": grants.current().is_connected(integration),
        "has_registered": type(connector).on_delete is not Connector.on_delete,
        "cancelled": waiting.cancelled_sentence(waiting.count_of(integration)),
    }
    return render(request, visitor, "disconnect", context)


def _set_active(request: HttpRequest, visitor: Visitor, integration_type: str, is_active: bool) -> HttpResponseBase:
    if seconds := seconds_to_wait(SaveThrottle, visitor.user):
        return too_often(request, visitor, seconds)
    try:
        services.set_active(visitor.user, integration_type, is_active)
    except InvalidConfig as error:
        return message_page(request, visitor, _("It cannot be resumed yet"), error.message, 422)
    return SeeOther(address(integration_type, f"done={'resumed' if is_active else 'paused'}"))

"""The test inbox: the page that shows what it has received, and the address that receives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from integrations import lookups, services
from integrations.core.errors import IntegrationError
from integrations.core.signature_faults import Fault, Finding
from invenicum.api.throttling import OutgoingThrottle, SaveThrottle
from invenicum.events.loops import takes_own_deliveries
from invenicum.quotas import QuotaExceeded
from webhooks.services import ping

from . import inboxes
from .fault_texts import Said, said_of
from .highlighting import highlight, pretty, with_dots
from .limits import seconds_to_wait
from .models import Inbox, InboxRequest
from .pages import SeeOther, message_page, portal_page, render
from .verify import verdict
from .visitors import Visitor

WRITE = "integrations:write"
KEY = re.compile(r"[A-Za-z0-9_-]{43}")
GONE = "There is no such test inbox any more: an inbox receives for 24 hours.\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A request as the page shows it. `headers` and `body` are HTML."""

    pk: int
    method: str
    received_at: datetime
    tone: str
    words: str | Promise
    said: list[Said]
    event: str
    headers: list[tuple[str, str]]
    body: str
    is_cut: bool


@portal_page(post=WRITE)
def show(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """The visitor's inbox. POST with `do`: `open`, `extend`, `close`, `connect` a webhook to it, or `sample`."""
    inbox = inboxes.find(visitor.user)
    if request.method == "POST":
        return _do(request, visitor, inbox)
    context = {
        "title": _("Test inbox"),
        "inbox": inbox,
        "address": inboxes.address_of(inbox) if inbox else "",
        "rows": [_row(one) for one in inbox.requests.all()] if inbox else [],
        "most": inboxes.MAX_REQUESTS,
        "has_webhook": _has_webhook(visitor),
    }
    return render(request, visitor, "inbox", context)


def _do(request: HttpRequest, visitor: Visitor, inbox: Inbox | None) -> HttpResponseBase:
    action = request.POST.get("do", "")
    throttle = OutgoingThrottle if action == "sample" else SaveThrottle
    if seconds := seconds_to_wait(throttle, visitor.user):
        text = _("Try again in %(seconds)d seconds.") % {"seconds": seconds}
        return message_page(request, visitor, _("That was too often"), text, 429)
    try:
        match action:
            case "open":
                inboxes.open_inbox(visitor.user)
            case "close" if inbox:
                inbox.delete()
            case "extend" if inbox:
                inboxes.extend(inbox)
            case "sample" if inbox:
                inboxes.send_sample(inbox)
            case "connect" if inbox and not _has_webhook(visitor):
                services.save_integration(visitor.user, "webhook", {"url": inboxes.address_of(inbox)})
                ping(visitor.user, "webhook")
    except (IntegrationError, QuotaExceeded) as error:
        return message_page(request, visitor, _("That did not work"), error.message, 422)
    except lookups.IntegrationNotFound:
        return message_page(request, visitor, _("That did not work"), _("No webhook is connected yet."), 422)
    return SeeOther(reverse("portal-inbox"))


@takes_own_deliveries
@csrf_exempt
@require_http_methods(["POST", "PUT", "PATCH", "GET", "DELETE"])
def receive(request: HttpRequest, key: str) -> HttpResponse:
    """What a webhook sends to an inbox: 204 once it is kept, 410 if there is no inbox, 429 if it was too much."""
    inbox = inboxes.find_by_key(key) if KEY.fullmatch(key) else None
    if inbox is None:
        return HttpResponse(GONE, status=410, content_type="text/plain")
    if int(request.headers.get("Content-Length") or 0) > inboxes.MAX_BODY_BYTES:
        return HttpResponse(status=413)
    if seconds := seconds_to_wait(inboxes.InboxThrottle, inbox.owner):
        return HttpResponse(status=429, headers={"Retry-After": str(seconds)})
    body = request.read(inboxes.MAX_BODY_BYTES + 1)
    if len(body) > inboxes.MAX_BODY_BYTES:
        return HttpResponse(status=413)
    inboxes.receive(inbox, str(request.method), request.headers, body)
    return HttpResponse(status=204)


def _row(kept: InboxRequest) -> Row:
    found = [Finding(Fault(fault), about, detail) for fault, about, detail in kept.findings]
    tone, words = verdict(found)
    body = bytes(kept.body)
    text = body.decode("utf-8", "replace")
    names = {name.lower(): value for name, value in kept.headers}
    return Row(
        kept.pk,
        kept.method,
        kept.received_at,
        tone,
        words,
        said_of(found),
        names.get("x-invenicum-event", ""),
        [(name, mark_safe(with_dots(value))) for name, value in kept.headers],  # noqa: S308 - escaped
        mark_safe(highlight(pretty(text))),  # noqa: S308 - escaped
        kept.size > len(body),
    )


def _has_webhook(visitor: Visitor) -> bool:
    try:
        lookups.find(visitor.user, "webhook")
    except lookups.IntegrationNotFound:
        return False
    return True

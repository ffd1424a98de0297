"""The deliveries: the log with its filters, and sending again all that match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations import registry
from invenicum.api.pagination import Cursor
from invenicum.ids import parse_public_id
from invenicum.quotas import QuotaExceeded
from webhooks import retries
from webhooks.delivery_log import COUNT_MOST, Counted, DeliveryLog
from webhooks.models import Delivery, Replay

from .delivery_filters import LABELS, Asked, read_filters, selections, tabs
from .delivery_words import STATE_WORDS, row_of
from .numbers import count
from .pages import SeeOther, message_page, portal_page, render
from .visitors import Visitor

SEE, CHANGE = "deliveries:read", "deliveries:write"
PAGE_DELIVERIES = 25
MOST_REPLAYS = 20  # that an address may name: one for each service


@portal_page(get=SEE)
def show(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """The log, newest first. `?retried=` says how many were queued by the form before."""
    asked = read_filters(request.GET)
    log = DeliveryLog(visitor.user.pk, asked.filters)
    page = log.page(Cursor.decode(request.GET.get("cursor", "")), PAGE_DELIVERIES)
    total, is_exact = log.total(page)
    # Not for the whole log, most of which was delivered.
    offers_retry = page.rows and asked.texts and visitor.may(CHANGE)
    context = {
        "title": _("Deliveries"),
        "rows": [row_of(delivery) for delivery in page.rows],
        "looked_until": page.looked_until,
        "is_live": bool(page.rows) and page.newer is None,
        "is_filtered": bool(asked.texts),
        "count": count_words(total, is_exact),
        "retry_words": _retry_words(total, is_exact) if offers_retry else "",
        "retried": (retried := _retried(request)),
        "replays": _replays(request, visitor) if retried else [],
        "newer": _address(asked, page.newer),
        "older": _address(asked, page.older),
        **form_context(asked),
    }
    return render(request, visitor, "deliveries", context)


@portal_page(get=CHANGE, post=CHANGE)
def retry_all(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """GET says what would be sent again, and asks once; POST sends again all that match, not a page of them."""
    asked = read_filters(request.POST if request.method == "POST" else request.GET)
    if asked.problems:
        return SeeOther(f"{reverse('portal-deliveries')}?{asked.query}")
    if request.method == "POST":
        try:
            retried = retries.retry_all(visitor.user, asked.filters)
        except QuotaExceeded as error:
            return message_page(request, visitor, _("They are being sent already"), error.message, 429)
        begun = ",".join(replay.public_id for replay in retried.replays)
        more = "" if retried.is_complete else "1"
        done = asked.query_with(state="", retried=str(retried.queued), more=more, replays=begun)
        return SeeOther(f"{reverse('portal-deliveries')}?{done}")
    counted = retries.count(visitor.user, asked.filters)
    context = {
        "title": _retry_words(counted.total, counted.is_exact),
        "asked": asked,
        "texts": list(asked.texts.items()),
        "count": counted.total,
        "is_exact": counted.is_exact,
        "by_status": _by_status(counted),
        "has_delivered": bool(counted.by_status.get(Delivery.Status.DELIVERED)),
    }
    return render(request, visitor, "retry_all", context)


def form_context(asked: Asked) -> dict[str, Any]:
    """What `portal/delivery_filters.html` shows."""
    summary = [(f"f-{name}", LABELS.get(name, name), text) for name, text in asked.problems.items()]
    return {"asked": asked, "tabs": tabs(asked), "selections": selections(asked), "summary": summary}


def count_words(total: int, is_exact: bool) -> str:
    """`214 deliveries`, `over 10,000 deliveries`, `at least 3 deliveries`."""
    words = {"number": count(total)}
    if is_exact:
        return ngettext("%(number)s delivery", "%(number)s deliveries", total) % words
    if total >= COUNT_MOST:
        return _("over %(number)s deliveries") % words
    return ngettext("at least %(number)s delivery", "at least %(number)s deliveries", total) % words


def _retry_words(total: int, is_exact: bool) -> str:
    if not is_exact:
        return _("Retry all that match")
    text = ngettext("Retry the one that matches", "Retry all %(number)s that match", total)
    return text % {"number": count(total)}


def _by_status(counted: Counted) -> list[tuple[str | Promise, str]]:
    words: Mapping[str, str | Promise] = {state.value: text for state, text in STATE_WORDS.items()}
    pending = {Delivery.Status.PENDING.value: _("Not delivered yet")}
    return [({**words, **pending}[status], count(number)) for status, number in sorted(counted.by_status.items())]


def _retried(request: HttpRequest) -> str:
    """What the form before has done, in a sentence; empty without one."""
    text = request.GET.get("retried", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return ""
    number = int(text)
    if request.GET.get("more"):
        return _("%(number)s deliveries are sent again now. The others follow by themselves.") % {
            "number": count(number)
        }
    sentence = ngettext("%(number)s delivery is sent again now.", "%(number)s deliveries are sent again now.", number)
    return sentence % {"number": count(number)}


def _replays(request: HttpRequest, visitor: Visitor) -> list[tuple[str, str]]:
    """What the form before has begun: the address where each is watched and cancelled, and its service."""
    ids = request.GET.get("replays", "").split(",")[:MOST_REPLAYS]
    keys = [key for one in ids if (key := parse_public_id("rpl", one))]
    found = Replay.objects.filter(owner=visitor.user, pk__in=keys).select_related("integration")
    mine = found.defer("integration__secrets").order_by("integration__type") if keys else []
    return [(reverse("portal-replay", args=[one.public_id]), registry.get(one.integration.type).name) for one in mine]


def _address(asked: Asked, cursor: Cursor | None) -> str:
    return f"?{asked.query_with(cursor=cursor.encode())}" if cursor else ""

"""The events: what was published, and what became of each one at every service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from integrations import registry
from integrations.lookups import find
from invenicum.api.pagination import Cursor
from invenicum.events import history
from invenicum.events.models import Event
from invenicum.ids import parse_public_id
from webhooks import services
from webhooks.event_status import outcomes_of
from webhooks.models import Delivery

from .deliveries import CHANGE, SEE
from .delivery_words import Chip, outcome_of, subject_of, tally
from .highlighting import highlight, pretty
from .pages import SeeOther, message_page, portal_page, render
from .visitors import Visitor

PAGE_EVENTS = 25
SHOWN_PAYLOAD_CHARACTERS = 64 * 1024


@portal_page(get=SEE)
def show_all(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """The events, newest first; `?find=` leads to an asset or an event by its id."""
    wanted = request.GET.get("find", "").strip()
    if wanted and (address := _found(visitor, wanted)):
        return SeeOther(address)
    page = history.all_events(visitor.user.pk, Cursor.decode(request.GET.get("cursor", "")), PAGE_EVENTS)
    tallies = tallies_of(page.events)
    context = {
        "title": _("Events"),
        "rows": [(event, subject_of(event), tallies[event.pk]) for event in page.events],
        "wanted": wanted,
        "newer": f"?cursor={page.newer.encode()}" if page.newer else "",
        "older": f"?cursor={page.older.encode()}" if page.older else "",
    }
    return render(request, visitor, "events", context)


@portal_page(get=SEE)
def show(request: HttpRequest, visitor: Visitor, event_id: str) -> HttpResponseBase:
    """What became of an event at each service and why. `?done=` says where it is sent to now."""
    event = _find(visitor, event_id)
    done = request.GET.get("done", "")
    outcomes = [outcome_of(one) for one in outcomes_of(event)]
    context: dict[str, Any] = {
        "title": ", ".join(filter(None, [subject_of(event), event.name])),
        "subject": subject_of(event),
        "event": event,
        "outcomes": outcomes,
        "is_pending": any(one.delivery and one.delivery.status == Delivery.Status.PENDING for one in outcomes),
        "may_send": visitor.may(CHANGE),
        "done": registry.get(done).name if done in {one.type for one in registry.all_connectors()} else "",
        "payload": shown_json(event.body),
    }
    return render(request, visitor, "event", context)


@portal_page(get=None, post=CHANGE)
def send(request: HttpRequest, visitor: Visitor, event_id: str, integration_type: str) -> HttpResponseBase:
    """Sends it there now: again, or although it was not meant for it."""
    event = _find(visitor, event_id)
    try:
        services.send_event(event, find(visitor.user, integration_type))
    except services.CannotSend as error:
        return message_page(request, visitor, _("It is not sent there"), str(error), 409)
    return SeeOther(f"{reverse('portal-event', args=[event.public_id])}?done={integration_type}")


def tallies_of(events: Iterable[Event]) -> Mapping[UUID, list[Chip]]:
    """How many deliveries of each event have which status, as chips. One statement."""
    counted: dict[UUID, dict[str, int]] = {event.pk: {} for event in events}
    rows = Delivery.objects.filter(event__in=list(counted)).order_by().values_list("event", "status")
    for event, status, number in rows.annotate(count=Count("pk")):
        counted[event][status] = number
    return {event: tally(statuses) for event, statuses in counted.items()}


def shown_json(text: str) -> str | Promise:
    """JSON as markup, cut off if it is very long."""
    cut = text[:SHOWN_PAYLOAD_CHARACTERS]
    return mark_safe(highlight(pretty(cut)) + ("…" if cut != text else ""))  # noqa: S308 - it escapes


def _find(visitor: Visitor, event_id: str) -> Event:
    """The visitor's event. Raises Http404."""
    key = parse_public_id("evt", event_id)
    event = Event.objects.filter(owner=visitor.user, pk=key).first() if key else None
    if event is None:
        raise Http404
    return event


def _found(visitor: Visitor, wanted: str) -> str:
    """The address of the event or the asset with that id; empty if there is none."""
    key = parse_public_id("evt", wanted)
    if key and Event.objects.filter(owner=visitor.user, pk=key).exists():
        return reverse("portal-event", args=[wanted])
    if "\0" not in wanted and Event.objects.filter(owner=visitor.user, subject=wanted).exists():
        return reverse("portal-asset", args=[wanted])
    return ""

"""What a service will be sent: the request of its own flow, drawn as a message or as documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from integrations import previews, registry
from integrations.core.errors import IntegrationError, InvalidConfig
from integrations.lookups import IntegrationNotFound
from integrations.previews import EventPreview
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED, ASSET_UPDATED

from .chat_messages import ChatMessage, read_message
from .directory import monogram
from .documents import documents_in
from .highlighting import highlight, is_json, pretty, with_dots
from .pages import SeeOther, portal_page, render
from .visitors import Visitor

OF = {
    ASSET_CREATED: _("A new asset"),
    ASSET_UPDATED: _("A changed asset"),
    ASSET_DELETED: _("A removed asset"),
    previews.LAST: _("Your last event"),
}


@dataclass(frozen=True, slots=True)
class ShownDocument:
    """A file that would be written: its path, its text as HTML, and the message of its commit."""

    path: str
    html: str
    note: str


@dataclass(frozen=True, slots=True)
class ShownPreview:
    """A preview as a page draws it; `problem` says why there is none. `url`, the headers' values and `body` are HTML.

    choices: what it can be of, each with its value, its words, and whether it is shown.
    """

    choices: list[tuple[str, str | Promise, bool]]
    event: str = ""
    event_id: str | None = None
    is_received: bool = True
    message: ChatMessage | None = None
    documents: tuple[ShownDocument, ...] = ()
    method: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    problem: str | Promise = ""


def shown_preview(
    visitor: Visitor, integration_type: str, wanted: str, values: Mapping[str, Any] | None = None
) -> ShownPreview:
    """What the visitor's saved integration would be sent, or a configuration of `values` that is not saved.

    wanted: of what, a key of OF; any other text for the first sample that the integration receives. Raises
    IntegrationNotFound; for `values` InvalidConfig.
    """
    chosen = wanted if wanted in OF and (wanted != previews.LAST or visitor.sees_deliveries) else None
    try:
        if values is None:
            found = previews.preview_saved(visitor.user, integration_type, chosen)
        else:
            found = previews.preview(visitor.user, integration_type, values, chosen)
    except previews.UnknownEvent:
        return ShownPreview(_choices(visitor, chosen or ""), problem=_("Nothing has happened yet: you have no event."))
    except IntegrationError as error:
        if values is not None and isinstance(error, InvalidConfig):
            raise
        return ShownPreview(_choices(visitor, chosen or ""), problem=error.message)
    return _drawn(visitor, integration_type, found, chosen or found.event)


def preview_of_delivery(visitor: Visitor, integration_type: str, event_id: str, delivery_id: str) -> ShownPreview:
    """What the visitor's saved integration is sent with a delivery, e.g. `dlv_0190…`, with its present configuration.

    Raises IntegrationNotFound or UnknownEvent.
    """
    try:
        found = previews.preview_saved(visitor.user, integration_type, event_id, delivery_id)
    except IntegrationError as error:
        return ShownPreview([], problem=error.message)
    return _drawn(visitor, integration_type, found, event_id)


@portal_page()
def show(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """What a saved integration will be sent; `?of=` chooses the event. One that is not saved is shown in its form."""
    connector = registry.get(integration_type)
    try:
        shown = shown_preview(visitor, integration_type, request.GET.get("of", ""))
    except IntegrationNotFound:
        return SeeOther(reverse("portal-connect", args=[integration_type]))
    context = {
        "title": _("What %(service)s will get") % {"service": connector.name},
        "connector": connector,
        "monogram": monogram(connector),
        "shown": shown,
    }
    return render(request, visitor, "preview", context)


def _drawn(visitor: Visitor, integration_type: str, found: EventPreview, chosen: str) -> ShownPreview:
    choices, request = _choices(visitor, chosen), found.request
    if request is None:
        problem = _("For this event nothing would be sent.")
        return ShownPreview(choices, found.event, found.event_id, found.is_received, problem=problem)
    documents = (
        ShownDocument(one.path, _html(pretty(one.text)), one.note) for one in documents_in(integration_type, request)
    )
    return ShownPreview(
        choices,
        found.event,
        found.event_id,
        found.is_received,
        read_message(integration_type, request.body),
        tuple(documents),
        request.method,
        mark_safe(with_dots(request.url)),  # noqa: S308 - escaped
        tuple((name, mark_safe(with_dots(value))) for name, value in request.headers.items()),  # noqa: S308 - escaped
        _html(pretty(request.body) if is_json(request.body) else request.body),
    )


def _choices(visitor: Visitor, chosen: str) -> list[tuple[str, str | Promise, bool]]:
    offered = {key: words for key, words in OF.items() if key != previews.LAST or visitor.sees_deliveries}
    return [(key, words, key == chosen) for key, words in offered.items()]


def _html(text: str) -> SafeString:
    return mark_safe(highlight(text))  # noqa: S308 - escaped

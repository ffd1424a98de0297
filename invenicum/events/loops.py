"""Refusing what this service has sent itself, so that no event is published again and again."""

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import Resolver404, resolve

from invenicum.api.errors import NOT_FOUND, envelope
from invenicum.ids import parse_public_id

from .models import Event

Answer = Callable[[HttpRequest], HttpResponseBase]
View = TypeVar("View", bound=Callable[..., HttpResponseBase])
_TAKES_THEM = "takes_own_deliveries"
MESSAGE = "This service sent this event itself: publishing it again would never end"


def takes_own_deliveries(view: View) -> View:
    """Decorates a view that receives our own deliveries and publishes nothing, so that it cannot be part of a loop."""
    setattr(view, _TAKES_THEM, True)
    return view


def refuse_own_deliveries(get_response: Answer) -> Answer:
    """Middleware: refuses our own deliveries. A webhook may point at this service, with a token among its headers."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        key = parse_public_id("evt", request.headers.get("webhook-id", ""))
        is_ours = (
            key is not None and "X-Invenicum-Signature" in request.headers and Event.objects.filter(pk=key).exists()
        )
        if is_ours and not _is_for_them(request.path_info):
            return JsonResponse(envelope(NOT_FOUND, MESSAGE), status=410)  # 410 disables that webhook
        return get_response(request)

    return middleware


def _is_for_them(path: str) -> bool:
    try:
        return getattr(resolve(path).func, _TAKES_THEM, False)
    except Resolver404:
        return False

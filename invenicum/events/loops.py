from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from invenicum.api.errors import NOT_FOUND, envelope
from invenicum.ids import parse_public_id

from .models import Event

Answer = Callable[[HttpRequest], HttpResponseBase]
MESSAGE = "This service sent this event itself: publishing it again would never end"


def refuse_own_deliveries(get_response: Answer) -> Answer:
    """Middleware: refuses our own deliveries. A webhook may point at this service, with a token among its headers."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        key = parse_public_id("evt", request.headers.get("webhook-id", ""))
        if key and "X-Invenicum-Signature" in request.headers and Event.objects.filter(pk=key).exists():
            return JsonResponse(envelope(NOT_FOUND, MESSAGE), status=410)  # 410 disables that webhook
        return get_response(request)

    return middleware

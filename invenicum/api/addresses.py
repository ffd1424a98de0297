from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase

from .errors import bad_request

Answer = Callable[[HttpRequest], HttpResponseBase]


def refuse_nul(get_response: Answer) -> Answer:
    """Middleware: PostgreSQL takes no NUL in a text, so that looking for one from a path would be a crash."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path:
            return bad_request(request, SuspiciousOperation("NUL in an address"))
        return get_response(request)

    return middleware

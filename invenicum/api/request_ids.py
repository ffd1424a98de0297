"""`X-Request-Id`: one id of a request for the caller's logs, the proxy's and ours."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponseBase

from invenicum import tracing

HEADER = "X-Request-Id"
REQUEST_ID = r"[!-~]{1,128}"  # printable ASCII without spaces: it goes into a header and into logs

Answer = Callable[[HttpRequest], HttpResponseBase]


def request_id_for(given: str) -> str:
    """The id of a request whose caller gave this one; a new one if it is too long or not printable."""
    return given if re.fullmatch(REQUEST_ID, given) else str(uuid.uuid4())


def name_request(get_response: Answer) -> Answer:
    """Middleware: takes the caller's id or generates one, returns it, and adds it to every log line of the request.

    An id that is too long or not printable is replaced. The context is cleared when the thread's next request begins,
    not when this one ends: Django logs a refused request after the middleware is done.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_for(request.headers.get(HEADER, ""))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if place := tracing.current():
            structlog.contextvars.bind_contextvars(trace_id=place.split("-")[1])
        response = get_response(request)
        response.headers[HEADER] = request_id
        return response

    return middleware

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponseBase

from .errors import not_found

Answer = Callable[[HttpRequest], HttpResponseBase]


def refuse_nul(get_response: Answer) -> Answer:
    """Middleware: PostgreSQL takes no NUL in a text, so that looking for one from a path would be a crash; and there
    is nothing at such an address.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path:
            return not_found(request, Http404())
        return get_response(request)

    return middleware

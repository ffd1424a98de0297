"""Middleware on the addresses that callers ask for."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponseBase

from .errors import is_page, not_found

Answer = Callable[[HttpRequest], HttpResponseBase]

PREFIX = "/api/v1"


def path_below_prefix(path: str) -> str:
    """`/assets` for `/api/v1/assets` and for `/assets`: the API answers at both."""
    return path.removeprefix(PREFIX)


def refuse_nul(get_response: Answer) -> Answer:
    """404 for an address with NUL: PostgreSQL takes no NUL in a text, so that looking up such an id would crash."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path:
            return not_found(request, Http404())
        return get_response(request)

    return middleware


def tolerate_trailing_slash(get_response: Answer) -> Answer:
    """Looks up `/assets/` as `/assets`: proxies and Express routers add the slash. The admin's own addresses stay."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.endswith("/") and not is_page(request):
            request.path_info = request.path_info.rstrip("/") or "/"
        return get_response(request)

    return middleware

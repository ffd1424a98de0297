"""Addresses: middleware on those that callers ask for, and the one that a caller has."""

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from django.conf import settings
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


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address, or None. With a trusted proxy it is the last one in the header, which the proxy added.

    See https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For.
    """
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    for text in (forwarded.rpartition(",")[2].strip(), request.META.get("REMOTE_ADDR", "")):
        # Some proxies add the port, or a word such as "unknown".
        with suppress(ValueError):
            return str(ip_address(text.partition("%")[0]))
    return None

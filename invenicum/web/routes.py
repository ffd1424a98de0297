"""The route of a request: its address with names for what varies, as in `/deliveries/{id}`, for metrics and traces."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch, resolve

from invenicum.api.addresses import path_below_prefix

ROUTE = "invenicum.route"  # in the WSGI environment
STATIC = "static"
_variable = re.compile(r"<(?:\w+:)?(\w+)>")

Answer = Callable[[HttpRequest], HttpResponseBase]


def note_route(get_response: Answer) -> Answer:
    """Middleware: tells the web application the route of each request, unless a view has told it one."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.path_info == "/":
            request.META[ROUTE] = "/"
        elif request.resolver_match:
            request.META.setdefault(ROUTE, _label(request.resolver_match.route))
        elif request.path_info.startswith(settings.STATIC_URL):
            request.META[ROUTE] = STATIC
        return response

    return middleware


@lru_cache(maxsize=256)
def route_of(path: str) -> str:
    """The route of an address that exists, e.g. `/integrations/{integration_type}` for `/api/v1/integrations/github`.

    For a few fixed addresses: the results are kept.
    """
    match: ResolverMatch = resolve(path)
    return _label(match.route)


@lru_cache(maxsize=1024)
def _label(route: str) -> str:
    """`/deliveries/{delivery_id}` for `api/v1/deliveries/<str:delivery_id>`. Of a regular expression, its beginning."""
    if not route:
        return ""
    return path_below_prefix("/" + _variable.sub(r"{\1}", route.partition("(")[0]))

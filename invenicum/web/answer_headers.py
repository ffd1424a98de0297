"""The headers that Django's middleware gives an answer, for handlers that answer without Django."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse

from . import wsgi
from .answers import REQUEST_ID, Headers, Scope

# They are of one answer, and set for each.
_OWN = frozenset({b"content-length", REQUEST_ID})
# The id is for the log: Django logs a status of 500 and more.
_GIVEN = (b"host", b"x-forwarded-proto", REQUEST_ID)


class AnswerHeaders:
    """Asks the middleware once for each kind of request, with a view that answers at once.

    headers: of the view's own, as `{"Content-Type": "application/json"}`. status: of its answer.
    """

    def __init__(self, status: int, headers: dict[str, str]):
        self._chain = _Chain(lambda _: HttpResponse(status=status, headers=headers))
        self._known: dict[tuple[str, bool], Headers] = {}

    def of(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Headers:
        """The headers of an answer to a request without `Origin`, except for X-Request-Id and Content-Length.

        headers: of the request, by lower-case name. Only the scheme makes a difference: over https there is one more.
        """
        key = (scope["scheme"], headers.get(b"x-forwarded-proto") == b"https")
        if key not in self._known:
            given = [(name, headers[name]) for name in _GIVEN if name in headers]
            answer = wsgi.call(self._chain, {**scope, "headers": given}, io.BytesIO())
            self._known[key] = [(name, value) for name, value in answer.headers if name not in _OWN]
        return self._known[key]


class _Chain(WSGIHandler):
    """Django with all its middleware, and one view for every address."""

    def __init__(self, view: Callable[[HttpRequest], HttpResponse]):
        self._view = view
        super().__init__()

    def _get_response(self, request: HttpRequest) -> Any:
        return self._view(request)

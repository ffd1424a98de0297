"""The language of the pages: that of the link, else the one that was chosen here, else the browser's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation

from invenicum.accounts import portal_sessions

from .cookies import read_key
from .visitors import Visitor

LANGUAGE_COOKIE_SECONDS = 365 * 86_400


def language_of(request: HttpRequest, visitor: Visitor | None = None) -> str:
    """The code of a language in `settings.LANGUAGES`, e.g. `de`."""
    return (visitor.lang if visitor else "") or translation.get_language_from_request(request)


def keep_language(response: HttpResponse, request: HttpRequest, visitor: Visitor, code: str) -> None:
    """Has the pages of this browser appear in the language `code` from now on. Raises ValueError for one that is not in
    `settings.LANGUAGES`."""
    if code not in dict(settings.LANGUAGES):
        raise ValueError(code)
    if visitor.has_link:
        portal_sessions.change_language(read_key(request), code)
    else:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=LANGUAGE_COOKIE_SECONDS,
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
            samesite="Lax",
        )


def in_browsers_language(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorates a page that is for a browser without a session."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **parts: Any) -> HttpResponseBase:
        with translation.override(language_of(request)):
            return view(request, *args, **parts)

    return wrapped

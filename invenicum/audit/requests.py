"""The request that is being answered, for the audit trail: it is written several layers below the view."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

import structlog
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, HttpResponseBase

from invenicum.api.addresses import client_address

Answer = Callable[[HttpRequest], HttpResponseBase]

_ACTOR = "_audit_actor"
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a change comes from: an address, e.g. `203.0.113.7`, and the `X-Request-Id`; empty outside of a request."""

    address: str | None = None
    request_id: str = ""


def remember_request(get_response: Answer) -> Answer:
    """Middleware: makes the request known to `services.record`."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return middleware


def act_as(request: HttpRequest, user: AbstractUser) -> None:
    """Says who is behind the request, if that is not `request.user`: for example a browser that came by a link."""
    setattr(request, _ACTOR, user)


def current_source() -> Source:
    """Where what is done now comes from."""
    request = _request.get()
    if request is None:
        return Source()
    return Source(client_address(request), structlog.contextvars.get_contextvars().get("request_id", ""))


def current_actor() -> AbstractUser | None:
    """Who is behind the current request; None outside of one, and if that is not known. It may read the session."""
    request = _request.get()
    user = getattr(request, _ACTOR, None) or getattr(request, "user", None)
    return user if isinstance(user, AbstractUser) else None

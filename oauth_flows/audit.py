"""The trail of who connected, reconnected, lost and revoked what, when and from where."""

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from .models import AuditEntry

Action = AuditEntry.Action

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class AuditMiddleware:
    """Lets `audit` know who asks, however deep below the view it is called."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def audit(action: AuditEntry.Action, integration_type: str, **facts: Any) -> None:
    """Adds to the trail, in the caller's transaction. Without a request it was the service itself."""
    request = _request.get()
    if request:
        user = getattr(request, "user", None)
        facts.setdefault("actor", user if isinstance(user, User) else None)
        facts["address"] = client_address(request)
    facts["detail"] = str(facts.get("detail", ""))[:500]
    AuditEntry.objects.create(action=action, type=integration_type, **facts)


def client_address(request: HttpRequest) -> str | None:
    """The client's address; behind a proxy that we trust, what that proxy added last."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    for text in (forwarded.rpartition(",")[2].strip(), request.META.get("REMOTE_ADDR", "")):
        # Some proxies add the port, or a word where they do not know.
        with suppress(ValueError):
            return str(ip_address(text.partition("%")[0]))
    return None

"""The audit trail: which user connected, reconnected, lost or revoked what, when and from which address."""

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from invenicum.accounts.models import User

from .models import AuditEntry

Action = AuditEntry.Action

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class AuditMiddleware:
    """Makes the current request known to `audit`, which is called several layers below the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def audit(action: AuditEntry.Action, integration_type: str, **facts: Any) -> None:
    """Adds an entry to the trail, in the caller's transaction.

    `facts` are columns of AuditEntry, e.g. `owner`, `account` and `detail` (a sentence, cut to 500 characters). Actor
    and address are those of the current request; outside of one, the service itself acted and both are null.
    """
    request = _request.get()
    if request:
        user = getattr(request, "user", None)
        facts.setdefault("actor", user if isinstance(user, User) else None)
        facts["address"] = client_address(request)
    facts["detail"] = str(facts.get("detail", ""))[:500]
    AuditEntry.objects.create(action=action, type=integration_type, **facts)


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

"""The audit trail: which user connected, reconnected, lost or revoked what, when and from which address."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from invenicum.accounts.models import User
from invenicum.api.addresses import client_address

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


def audit_failure(integration_type: str, **facts: Any) -> None:
    """Adds an entry about a connection that failed, as `audit` does, outside of a transaction.

    The users it is about may have been removed meanwhile: they are left out then.
    """
    try:
        with transaction.atomic():
            audit(AuditEntry.Action.CONNECT_FAILED, integration_type, **facts)
    except IntegrityError:
        rest = {name: value for name, value in facts.items() if name != "owner_id"}
        audit(AuditEntry.Action.CONNECT_FAILED, integration_type, **rest | {"owner": None, "actor": None})

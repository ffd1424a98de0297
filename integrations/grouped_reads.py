"""The quick way of reading integrations: what concurrent requests ask for is read together. See `GroupedRequests`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rest_framework.renderers import JSONRenderer

from invenicum.accounts.callers import Bearer, find_callers, read_bearer
from invenicum.accounts.models import User
from invenicum.api.addresses import PREFIX
from invenicum.api.serializers import shared
from invenicum.web.answers import Scope
from invenicum.web.application import Handler
from invenicum.web.group_commit import GroupCommit
from invenicum.web.grouped_requests import GroupedRequests, RequestHeaders

from . import lookups, registry
from .models import Integration
from .serializers import IntegrationSerializer, StatusesSerializer
from .viewsets import IntegrationViewSet

SCOPE = IntegrationViewSet.required_scopes["GET"]  # type: ignore[index]
STATUS = "status"  # where the address of one integration has its type
WAITING_REQUESTS, GROUP_REQUESTS = 2000, 256
_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_render = JSONRenderer().render


@dataclass(frozen=True, slots=True)
class Read:
    """One request. `type`: of the integration that it asks for; None if it asks which types are active."""

    bearer: Bearer
    type: str | None


def handlers() -> dict[tuple[str, str], Handler]:
    """The handlers of `GET /integrations/status` and `GET /integrations/:type`, for the web application."""
    # No body is waited for.
    group = GroupCommit(read_together, waiting=WAITING_REQUESTS, waiting_bytes=0, most=GROUP_REQUESTS)
    allowed = {STATUS: "GET, HEAD, OPTIONS"}
    allowed |= {connector.type: "GET, PATCH, DELETE, HEAD, OPTIONS" for connector in registry.CONNECTORS}
    return {
        ("GET", f"{prefix}/integrations/{name}"): GroupedRequests(group, _read, 200, {**_HEADERS, "Allow": methods})
        for name, methods in allowed.items()
        for prefix in ("", PREFIX)
    }


def read_together(reads: Sequence[Read]) -> list[bytes | None]:
    """The body of each answer, in the same order; None if the view has to answer. Four statements at most."""
    callers, _ = find_callers([read.bearer for read in reads])
    asked = [
        (caller.user if caller and SCOPE in caller.scopes else None, read.type)
        for caller, read in zip(callers, reads, strict=True)
    ]
    active = lookups.active_types({caller.pk for caller, type_ in asked if caller and type_ is None})
    found = lookups.find_many({(caller.pk, type_) for caller, type_ in asked if caller and type_})
    return [_answer(caller, type_, active, found) for caller, type_ in asked]


def _answer(
    caller: User | None,
    type_: str | None,
    active: Mapping[int, set[str]],
    found: Mapping[tuple[int, str], Integration],
) -> bytes | None:
    if caller is None:
        return None
    if type_ is None:
        statuses = lookups.statuses(active.get(caller.pk, ()))
        return _render({"data": shared(StatusesSerializer).to_representation(statuses)})
    integration = found.get((caller.pk, type_))
    if integration is None:
        return None
    return _render({"data": shared(IntegrationSerializer).to_representation(integration)})


def _read(scope: Scope, headers: RequestHeaders, body: bytes) -> Read | None:
    bearer = read_bearer(headers.get(b"authorization", b"")) if not body else None
    if bearer is None:
        return None
    name = scope["path"].rpartition("/")[2]
    return Read(bearer, None if name == STATUS else name)

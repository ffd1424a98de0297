"""The quick way of creating assets: those of concurrent requests are committed together. See `GroupedRequests`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer

from invenicum import tracing
from invenicum.accounts.callers import Bearer, find_callers, read_bearer
from invenicum.api.addresses import PREFIX
from invenicum.api.parsers import parse_json
from invenicum.api.serializers import shared
from invenicum.transactions import bounded
from invenicum.web.answers import Scope
from invenicum.web.application import Handler
from invenicum.web.group_commit import GroupCommit
from invenicum.web.grouped_requests import GroupedRequests, RequestHeaders, is_json

from . import services
from .serializers import AssetSerializer
from .viewsets import AssetViewSet

SCOPE = AssetViewSet.required_scopes["POST"]
WAITING_REQUESTS, WAITING_BYTES, GROUP_REQUESTS = 2000, 8 * 1024 * 1024, 128
_HEADERS = {"Content-Type": "application/json", "Allow": "GET, POST, HEAD, OPTIONS"}
_render = JSONRenderer().render


@dataclass(frozen=True, slots=True)
class NewAsset:
    """One request. `values`: the asset's fields, as AssetSerializer has read them."""

    bearer: Bearer
    values: dict[str, Any]


def handlers() -> dict[tuple[str, str], Handler]:
    """The handler of `POST /assets`, for the web application."""
    group = GroupCommit(create_together, waiting=WAITING_REQUESTS, waiting_bytes=WAITING_BYTES, most=GROUP_REQUESTS)
    handler = GroupedRequests(group, _read, 201, _HEADERS)
    return {("POST", f"{prefix}/assets"): handler for prefix in ("", PREFIX)}


def create_together(wanted: Sequence[NewAsset]) -> list[bytes | None]:
    """Creates each asset, in one transaction. Returns the body of each answer; None if the view has to answer."""
    with bounded():
        callers, _ = find_callers([one.bearer for one in wanted])
        owners = {place: one.user for place, one in enumerate(callers) if one and SCOPE in one.scopes}
        created = services.create_assets([(owner, wanted[place].values) for place, owner in owners.items()])
    answers: list[bytes | None] = [None] * len(wanted)
    for place, asset in zip(owners, created, strict=True):
        if asset:
            answers[place] = _render({"data": shared(AssetSerializer).to_representation(asset)})
    return answers


def _read(scope: Scope, headers: RequestHeaders, body: bytes) -> NewAsset | None:
    """What a valid request asks for, or None. With an Idempotency-Key the view answers, and while traces are kept:
    those of a group could not be told apart."""
    bearer = read_bearer(headers.get(b"authorization", b""))
    if bearer is None or tracing.current() or not is_json(headers) or b"idempotency-key" in headers:
        return None
    try:
        values = shared(AssetSerializer).run_validation(parse_json(body))
    except APIException:
        return None
    return NewAsset(bearer, services.given(values))

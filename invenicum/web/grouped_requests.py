"""Handlers for requests of which many come at once: read on the event loop, carried out together, answered by each.

They answer only what succeeds. For everything else, errors included, they return None, and the view answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Generic, TypeVar

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from invenicum.api.errors import DATABASE_AWAY, RETRY_AFTER, UNAVAILABLE, envelope
from invenicum.api.request_ids import request_id_for
from invenicum.api.unavailable import RETRY_AFTER_SECONDS

from .answer_headers import AnswerHeaders
from .answers import REQUEST_ID, Answer, Headers, Scope
from .group_commit import GroupCommit, NotWritten
from .routes import route_of

Item = TypeVar("Item")

# A browser's request from elsewhere, and a delivery of ours: both need what only Django's middleware knows.
NOT_QUICK = frozenset({b"origin", b"webhook-id", b"content-encoding", b"x-forwarded-host"})
# Reading more would keep the event loop from other requests: those take one of the threads.
QUICK_BODY_BYTES = 16 * 1024
_AWAY = json.dumps(envelope(UNAVAILABLE, DATABASE_AWAY), separators=(",", ":")).encode()

RequestHeaders = Mapping[bytes, bytes]


class GroupedRequests(Generic[Item]):
    """A handler for `invenicum.web.application`.

    group: carries out what several requests ask for, and returns the body of each answer, or None. read: what a request
    asks for, given its scope, its headers by lower-case name and its body; None if the view has to answer. status and
    headers: of the answer; `headers` as the view sets them, before the middleware.
    """

    def __init__(
        self,
        group: GroupCommit[Item, bytes],
        read: Callable[[Scope, RequestHeaders, bytes], Item | None],
        status: int,
        headers: dict[str, str],
    ):
        self._group = group
        self._read = read
        self._status = status
        self._done = AnswerHeaders(status, headers)
        self._away = AnswerHeaders(503, {**headers, RETRY_AFTER: str(RETRY_AFTER_SECONDS)})

    async def __call__(self, scope: Scope, body: bytes) -> Answer | None:
        headers = _headers_of(scope) if len(body) <= QUICK_BODY_BYTES else None
        item = self._read(scope, headers, body) if headers is not None else None
        if headers is None or item is None:
            return None
        usual = self._done.of(scope, headers)  # before anything is done: it may fail
        request_id = request_id_for(headers.get(REQUEST_ID, b"").decode("latin-1"))
        try:
            done = await self._group.submit(item, len(body), request_id)
        except NotWritten:
            return self._answer(503, self._away.of(scope, headers), scope, request_id, _AWAY)
        if done is None:  # Django answers and logs under the same id
            others = (header for header in scope["headers"] if header[0] != REQUEST_ID)
            scope["headers"] = [*others, (REQUEST_ID, request_id.encode())]
            return None
        return self._answer(self._status, usual, scope, request_id, done)

    def close(self) -> None:
        """Ends the group's thread. For tests."""
        self._group.close()

    def _answer(self, status: int, usual: Headers, scope: Scope, request_id: str, body: bytes) -> Answer:
        """An answer with the headers that belong to one request. usual: the others, see AnswerHeaders."""
        own = [(b"content-length", str(len(body)).encode()), (REQUEST_ID, request_id.encode())]
        return Answer(status, usual + own, body, route=route_of(scope["path"]))


def _headers_of(scope: Scope) -> dict[bytes, bytes] | None:
    """The headers by lower-case name; None for a request that Django has to see."""
    headers = dict(scope["headers"])
    is_quick = len(headers) == len(scope["headers"]) and NOT_QUICK.isdisjoint(headers)
    return headers if is_quick and _is_ours(headers.get(b"host", b"").decode("latin-1")) else None


def is_json(headers: RequestHeaders) -> bool:
    """Whether the body is said to be JSON."""
    return headers.get(b"content-type", b"").split(b";")[0].strip().lower() == b"application/json"


@lru_cache(maxsize=64)
def _is_ours(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)

"""The quick way of `POST /events`: read on the event loop, published together with other requests.

It answers only what is published. For everything else, errors included, it returns None, and the view answers.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from rest_framework.exceptions import APIException

from invenicum.accounts.authentication import bearer_of, identity_of, is_invenicum_token
from invenicum.accounts.idempotency import digest_of
from invenicum.accounts.invenicum_tokens import RefusedToken
from invenicum.api.addresses import PREFIX
from invenicum.api.errors import DATABASE_AWAY, RETRY_AFTER, UNAVAILABLE, envelope
from invenicum.api.idempotency_keys import KEY
from invenicum.api.parsers import parse_json
from invenicum.api.request_ids import request_id_for
from invenicum.api.serializers import shared
from invenicum.api.unavailable import RETRY_AFTER_SECONDS
from invenicum.web.answer_headers import AnswerHeaders
from invenicum.web.answers import Answer, Headers, Scope
from invenicum.web.group_commit import GroupCommit, NotWritten

from .publications import PUBLISHED, Publication, answer_with, publish_together
from .publish import EventsTooLarge
from .serializers import NewEventSerializer, NewEventsSerializer
from .services import write_incoming

PATHS = ("/events", f"{PREFIX}/events")
# Reading more would keep the event loop from other requests: those take one of the threads.
QUICK_BODY_BYTES = 16 * 1024
WAITING_REQUESTS, WAITING_BYTES = 2000, 8 * 1024 * 1024  # in one process
GROUP_REQUESTS = 256
# A browser's request from elsewhere, and a delivery of ours: both need what only Django's middleware knows.
NOT_QUICK = frozenset({b"origin", b"webhook-id", b"content-encoding", b"x-forwarded-host"})
_HEADERS = {"Content-Type": "application/json", "Allow": "GET, POST, HEAD, OPTIONS"}
_AWAY = json.dumps(envelope(UNAVAILABLE, DATABASE_AWAY), separators=(",", ":"))


class Ingest:
    """A handler for `invenicum.web.application`."""

    def __init__(self) -> None:
        self._group: GroupCommit[Publication, bool] = GroupCommit(
            publish_together, waiting=WAITING_REQUESTS, waiting_bytes=WAITING_BYTES, most=GROUP_REQUESTS
        )
        self._published = AnswerHeaders(PUBLISHED, _HEADERS)
        self._away = AnswerHeaders(503, {**_HEADERS, RETRY_AFTER: str(RETRY_AFTER_SECONDS)})

    async def __call__(self, scope: Scope, body: bytes) -> Answer | None:
        if len(body) > QUICK_BODY_BYTES:
            return None
        headers = _headers_of(scope)
        publication = _read(scope, headers, body) if headers is not None else None
        if headers is None or publication is None:
            return None
        published = self._published.of(scope, headers)  # before anything is written: it may fail
        try:
            is_published = await self._group.submit(publication, len(body))
        except NotWritten:
            return _answer(503, self._away.of(scope, headers), headers, _AWAY)
        return _answer(PUBLISHED, published, headers, publication.answer) if is_published else None

    def close(self) -> None:
        """Ends its thread. For tests."""
        self._group.close()


def _answer(status: int, usual: Headers, request_headers: dict[bytes, bytes], text: str) -> Answer:
    body = text.encode()
    request_id = request_id_for(request_headers.get(b"x-request-id", b"").decode("latin-1"))
    own = [(b"content-length", str(len(body)).encode()), (b"x-request-id", request_id.encode())]
    return Answer(status, usual + own, body)


def _headers_of(scope: Scope) -> dict[bytes, bytes] | None:
    """The headers by lower-case name; None for a request that Django has to see."""
    headers = dict(scope["headers"])
    is_quick = len(headers) == len(scope["headers"]) and NOT_QUICK.isdisjoint(headers)
    return headers if is_quick and _is_ours(headers.get(b"host", b"").decode("latin-1")) else None


@lru_cache(maxsize=64)
def _is_ours(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _read(scope: Scope, headers: dict[bytes, bytes], body: bytes) -> Publication | None:
    """What a valid request asks for, or None."""
    token = bearer_of(headers.get(b"authorization", b"").decode("latin-1"))
    content_type = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    if not token or content_type != b"application/json" or (b"idempotency-key" in headers and not _KEY.fullmatch(key)):
        return None
    try:
        identity = identity_of(token) if is_invenicum_token(token) else None
        data = parse_json(body)
        is_batch = isinstance(data, dict) and "events" in data
        if is_batch:
            events = shared(NewEventsSerializer).run_validation(data)["events"]
        else:
            events = [shared(NewEventSerializer).run_validation(data)]
        contents = write_incoming(events)
    except (RefusedToken, APIException, EventsTooLarge):
        return None
    return Publication(
        token,
        identity,
        addressed=[{"owner": event.get("owner")} for event in events],
        contents=contents,
        answer=answer_with(contents, is_batch),
        key=key,
        request_digest=digest_of(scope["path"], data) if key else "",
    )


_KEY = re.compile(KEY)

"""The quick way of `POST /events`: read on the event loop, published together with other requests.

It answers only what is published. For everything else, errors included, it returns None, and the view answers.
"""

from __future__ import annotations

import re

from rest_framework.exceptions import APIException

from invenicum.accounts.authentication import bearer_of, identity_of, is_invenicum_token
from invenicum.accounts.idempotency import digest_of
from invenicum.accounts.invenicum_tokens import RefusedToken
from invenicum.api.addresses import PREFIX
from invenicum.api.errors import RETRY_AFTER
from invenicum.api.idempotency_keys import KEY
from invenicum.api.parsers import parse_json
from invenicum.api.serializers import shared
from invenicum.api.unavailable import RETRY_AFTER_SECONDS
from invenicum.web.answer_headers import AnswerHeaders
from invenicum.web.answers import Answer, Scope
from invenicum.web.group_commit import GroupCommit, NotWritten
from invenicum.web.grouped_requests import AWAY, QUICK_BODY_BYTES, answer_of, headers_of, is_json

from .publications import PUBLISHED, Publication, answer_with, publish_together
from .publish import EventsTooLarge
from .serializers import NewEventSerializer, NewEventsSerializer
from .services import write_incoming

PATHS = ("/events", f"{PREFIX}/events")
WAITING_REQUESTS, WAITING_BYTES = 2000, 8 * 1024 * 1024  # in one process
GROUP_REQUESTS = 256
_HEADERS = {"Content-Type": "application/json", "Allow": "GET, POST, HEAD, OPTIONS"}


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
        headers = headers_of(scope)
        publication = _read(scope, headers, body) if headers is not None else None
        if headers is None or publication is None:
            return None
        published = self._published.of(scope, headers)  # before anything is written: it may fail
        try:
            is_published = await self._group.submit(publication, len(body))
        except NotWritten:
            return answer_of(503, self._away.of(scope, headers), headers, AWAY)
        return answer_of(PUBLISHED, published, headers, publication.answer.encode()) if is_published else None

    def close(self) -> None:
        """Ends its thread. For tests."""
        self._group.close()


def _read(scope: Scope, headers: dict[bytes, bytes], body: bytes) -> Publication | None:
    """What a valid request asks for, or None."""
    token = bearer_of(headers.get(b"authorization", b"").decode("latin-1"))
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    if not token or not is_json(headers) or (b"idempotency-key" in headers and not _KEY.fullmatch(key)):
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

"""The quick way of `POST /events`: those of concurrent requests are published together. See `GroupedRequests`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rest_framework.exceptions import APIException

from invenicum.accounts.callers import read_bearer
from invenicum.accounts.idempotency import digest_of
from invenicum.api.addresses import PREFIX
from invenicum.api.idempotency_keys import KEY
from invenicum.api.parsers import parse_json
from invenicum.api.serializers import shared
from invenicum.web.answers import Scope
from invenicum.web.application import Handler
from invenicum.web.group_commit import GroupCommit
from invenicum.web.grouped_requests import GroupedRequests, RequestHeaders, is_json

from .publications import PUBLISHED, Publication, answer_with, publish_together
from .publish import EventsTooLarge
from .serializers import NewEventSerializer, NewEventsSerializer
from .services import write_incoming

WAITING_REQUESTS, WAITING_BYTES = 2000, 8 * 1024 * 1024  # in one process
GROUP_REQUESTS = 256
_KEY = re.compile(KEY)
_HEADERS = {"Content-Type": "application/json", "Allow": "GET, POST, HEAD, OPTIONS"}


def handlers() -> dict[tuple[str, str], Handler]:
    """The handler of `POST /events`, for the web application."""
    group = GroupCommit(_publish, waiting=WAITING_REQUESTS, waiting_bytes=WAITING_BYTES, most=GROUP_REQUESTS)
    handler = GroupedRequests(group, _read, PUBLISHED, _HEADERS)
    return {("POST", f"{prefix}/events"): handler for prefix in ("", PREFIX)}


def _publish(publications: Sequence[Publication]) -> list[bytes | None]:
    """The body of each answer; None if the view has to answer."""
    published = publish_together(publications)
    return [one.answer.encode() if done else None for one, done in zip(publications, published, strict=True)]


def _read(scope: Scope, headers: RequestHeaders, body: bytes) -> Publication | None:
    """What a valid request asks for, or None."""
    bearer = read_bearer(headers.get(b"authorization", b""))
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    if bearer is None or not is_json(headers) or (b"idempotency-key" in headers and not _KEY.fullmatch(key)):
        return None
    try:
        data = parse_json(body)
        is_batch = isinstance(data, dict) and "events" in data
        if is_batch:
            events = shared(NewEventsSerializer).run_validation(data)["events"]
        else:
            events = [shared(NewEventSerializer).run_validation(data)]
        contents = write_incoming(events)
    except (APIException, EventsTooLarge):
        return None
    return Publication(
        bearer,
        addressed=[{"owner": event.get("owner")} for event in events],
        contents=contents,
        answer=answer_with(contents, is_batch),
        key=key,
        request_digest=digest_of(scope["path"], data) if key else "",
    )

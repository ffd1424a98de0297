"""Requests that are carried out together, without Django's handlers, get the same answers as those that are not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from integrations import grouped_reads
from invenicum.accounts.models import User
from invenicum.assets import grouped_creation
from invenicum.events import ingest
from invenicum.web.answers import Answer
from tests.factories import connect_webhook

from . import recording
from .all_areas import AREAS
from .harness import USER_NAMES, Harness
from .player import play


class QuickClient(Client):
    """Django's test client, which asks the quick handlers first, as the web server does."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.handlers: dict[tuple[str, str], Any] = (
            ingest.handlers() | grouped_creation.handlers() | grouped_reads.handlers()
        )
        self.loop = asyncio.new_event_loop()
        self.answered = 0

    def generic(self, method: str, path: str, data: Any = "", *args: Any, **options: Any) -> Any:  # type: ignore[override]
        answer = self._ask(method, path, data, *args, **options)
        return super().generic(method, path, data, *args, **options) if answer is None else _response(answer)

    def _ask(
        self,
        method: str,
        path: str,
        data: Any,
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Answer | None:
        body = data.encode() if isinstance(data, str) else data
        handler = self.handlers.get((method, path))
        if handler is None or len(body) > settings.API_MAX_BODY:
            return None
        given = {"host": "testserver", "content-type": content_type, **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "headers": [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in given.items()],
        }
        answer: Answer | None = self.loop.run_until_complete(handler(scope, body))
        self.answered += answer is not None
        return answer


def _response(answer: Answer) -> Any:
    response: Any = HttpResponse(answer.body, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers:
        response.headers[name.decode().title()] = value.decode()
    response.json = lambda: json.loads(answer.body)
    return response


@pytest.fixture
def quick(harness: Harness) -> Iterator[QuickClient]:
    client = harness.client = QuickClient(enforce_csrf_checks=True, raise_request_exception=False)
    yield client
    for handler in set(client.handlers.values()):
        handler.close()
    client.loop.close()


@pytest.mark.parametrize("area", [area for area in AREAS if area.name in ("publishing", "callers", "feed")])
def test_each_answer_is_the_recorded_one(area: Any, harness: Harness, quick: QuickClient) -> None:
    found = recording.differences(recording.read()[area.name], play(area.steps, harness))
    assert not found, "\n\n".join(found[:12])
    assert quick.answered


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/events", {"event": "report.ready", "data": {"title": "Ä"}}, 202),
        ("POST", "/api/v1/assets", {"name": "Ä", "tags": ["draft"]}, 201),
        ("GET", "/api/v1/integrations/status", None, 200),
        ("GET", "/integrations/webhook", None, 200),
    ],
)
def test_the_headers_are_those_of_django(
    harness: Harness, quick: QuickClient, method: str, path: str, body: Any, status: int
) -> None:
    headers = {"Authorization": f"Bearer {harness.token('alice')}", "X-Request-Id": "one-of-ours"}
    connect_webhook(User.objects.get(username=USER_NAMES["alice"]))
    content = "" if body is None else json.dumps(body)
    content_type = "" if body is None else "application/json"
    ours = quick.generic(method, path, content, content_type, headers=headers)
    assert quick.answered == 1
    django = Client().generic(method, path, content, content_type, headers=headers)
    assert ours.status_code == django.status_code == status
    assert {name.lower(): value for name, value in ours.items()} == {
        name.lower(): value for name, value in django.items()
    }
    assert len(ours.content) == len(django.content)
    assert ours.content[:17] == django.content[:17]
    assert status != 200 or ours.content == django.content

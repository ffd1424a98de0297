"""Events that are published together, without Django's handlers, get the same answers as those that are not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from invenicum.events.ingest import PATHS, Ingest
from invenicum.web.answers import Answer

from . import recording
from .all_areas import AREAS
from .harness import Harness
from .player import play


class QuickClient(Client):
    """Django's test client, which asks the quick handler first, as the web server does."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ingest = Ingest()
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
        if method != "POST" or path not in PATHS or len(body) > settings.API_MAX_BODY:
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
        answer = self.loop.run_until_complete(self.ingest(scope, body))
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
    client.ingest.close()
    client.loop.close()


@pytest.mark.parametrize("area", [area for area in AREAS if area.name in ("publishing", "callers", "feed")])
def test_each_answer_is_the_recorded_one(area: Any, harness: Harness, quick: QuickClient) -> None:
    found = recording.differences(recording.read()[area.name], play(area.steps, harness))
    assert not found, "\n\n".join(found[:12])
    assert quick.answered


def test_the_headers_are_those_of_django_in_the_same_order(harness: Harness, quick: QuickClient) -> None:
    headers = {"Authorization": f"Bearer {harness.token('alice')}", "X-Request-Id": "one-of-ours"}
    body = {"event": "report.ready", "data": {"title": "Ä"}}
    ours = quick.post(PATHS[1], json.dumps(body), content_type="application/json", headers=headers)
    django = Client().post(PATHS[1], json.dumps(body), content_type="application/json", headers=headers)
    assert quick.answered == 1
    assert ours.status_code == django.status_code == 202
    assert {name.lower(): value for name, value in ours.items()} == {
        name.lower(): value for name, value in django.items()
    }
    assert len(ours.content) == len(django.content)
    assert ours.content[:17] == django.content[:17]

"""What the web application counts, with a WSGI application of the test's own behind it and no database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.test import RequestFactory

from invenicum.web.answers import Answer, Scope, json_answer, request_id_of
from invenicum.web.application import Application
from invenicum.web.request_counts import RequestCounts
from invenicum.web.routes import ROUTE, note_route, route_of
from invenicum.web.threads import Busy
from tests.waiting import WAIT_DEADLINE_SECONDS


def django_stands_for(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/crash":
        raise RuntimeError("on purpose")
    if environ["PATH_INFO"] == "/busy":
        raise Busy
    start_response("200 OK", [("X-Request-Id", "of-django")])
    environ[ROUTE] = "/things/{id}"
    return [b"ok"]


async def probe() -> Answer:
    return json_answer(200, {})


async def quick(scope: Scope, body: bytes) -> Answer | None:
    return Answer(202, [], body, route="/quick")


def ask(*requests: tuple[str, str], request_id: str = "") -> tuple[dict[str, float], list[Answer]]:
    """What was counted for the requests, and their answers."""
    counts = RequestCounts()
    application = Application(
        django_stands_for,
        threads=1,
        probes={"/healthz": probe},
        handlers={("POST", "/quick"): quick},
        body_limit=lambda path: 100,
        body_memory=1000,
        counts=counts,
    )
    answers: list[Answer] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(Answer(message["status"], list(message["headers"])))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def all_of() -> None:
        for method, path in requests:
            headers = [(b"x-request-id", request_id.encode())] if request_id else []
            scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
            scope |= {"http_version": "1.1", "scheme": "http", "headers": headers}
            await asyncio.wait_for(application(scope, receive, send), WAIT_DEADLINE_SECONDS)

    asyncio.run(all_of())
    return counts.take(), answers


def requests_of(counts: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in counts.items() if name.startswith("requests|")}


def test_every_answer_is_counted_by_route_and_status_however_it_was_made() -> None:
    counts, _ = ask(("POST", "/quick"), ("POST", "/quick"), ("GET", "/a"), ("GET", "/crash"), ("GET", "/busy"))
    assert requests_of(counts) == {
        "requests|POST|/quick|202": 2,
        "requests|GET|/things/{id}|200": 1,
        "requests|GET|unmatched|500": 1,
        "requests|GET|unmatched|503": 1,
    }
    assert counts["seconds|/quick"] > 0
    assert sum(value for name, value in counts.items() if name.startswith("duration|/quick|")) == 2


def test_probes_are_not_counted() -> None:
    assert ask(("GET", "/healthz"), ("HEAD", "/healthz/"))[0] == {}


def test_methods_that_do_not_exist_are_counted_as_one() -> None:
    counts, _ = ask(("BREW", "/a"), ("X" * 1000, "/a"))
    assert requests_of(counts) == {"requests|other|/things/{id}|200": 2}


def test_every_answer_has_a_request_id_whoever_makes_it() -> None:
    requests = [("GET", "/healthz"), ("GET", "/crash"), ("GET", "/busy")]
    assert [request_id_of(answer) for answer in ask(*requests, request_id="r-1")[1]] == ["r-1"] * 3
    assert all(len(request_id_of(answer)) == 36 for answer in ask(*requests)[1])
    assert all(len(request_id_of(answer)) == 36 for answer in ask(*requests, request_id="a b")[1])
    assert request_id_of(ask(("GET", "/a"))[1][0]) == "of-django"


def test_taking_begins_again_and_durations_fall_into_their_buckets() -> None:
    counts = RequestCounts()
    for seconds in (0.001, 0.3, 100.0):
        counts.count("GET", "/a", 200, seconds)
    taken = counts.take()
    assert (taken["duration|/a|0.005"], taken["duration|/a|0.5"], taken["duration|/a|inf"]) == (1, 1, 1)
    assert taken["seconds|/a"] == pytest.approx(100.301)
    assert counts.take() == {}


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/events", "/events"),
        ("/events", "/events"),
        ("/integrations/github", "/integrations/{integration_type}"),
        ("/api/v1/deliveries/dlv_1/retry", "/deliveries/{delivery_id}/retry"),
        ("/admin/webhooks/delivery/7/change/", "/admin/webhooks/delivery/{object_id}/change/"),
    ],
)
def test_a_route_is_the_address_with_names_for_what_varies(path: str, route: str) -> None:
    assert route_of(path) == route


def test_what_stands_for_no_address_has_no_route_of_its_own() -> None:
    for path, route in (("/static/a.css", "static"), ("/", "/"), ("/nothing", None)):
        request = RequestFactory().get(path)
        note_route(lambda request: json.loads("null"))(request)
        assert request.META.get(ROUTE) == route

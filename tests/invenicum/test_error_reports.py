"""Errors that are logged arrive at Sentry's endpoint, with what may leave the service and no more."""

from __future__ import annotations

import gzip
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings

from invenicum import logging as our_logging
from tests.fakes.http_server import Answer, FakeServer, Received


def answer(request: Received) -> Answer:
    assert (request.method, request.path) == ("POST", "/api/7/envelope/")
    return 200, {"Content-Type": "application/json"}, b'{"id":"0"}'


def events_of(server: FakeServer) -> list[dict[str, Any]]:
    """https://develop.sentry.dev/sdk/data-model/envelopes/: a header, then for each item a header and a payload."""
    found = []
    for request in server.requests:
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        lines = body.split(b"\n")
        found += [json.loads(lines[n + 1]) for n in range(1, len(lines) - 1, 2) if b'"event"' in lines[n]]
    return found


@pytest.fixture
def sentry() -> Iterator[FakeServer]:
    """Sentry's endpoint, and a log whose errors go there."""
    with FakeServer(answer) as server:
        dsn = f"http://key@127.0.0.1:{server.port}/7"
        logging.config.dictConfig(our_logging.with_reports(our_logging.configure("INFO"), dsn, "staging", "1.2.3"))
        yield server
        for handler in logging.getLogger().handlers:
            handler.flush()
    logging.config.dictConfig(settings.LOGGING)
    structlog.contextvars.clear_contextvars()


def reported(server: FakeServer) -> list[dict[str, Any]]:
    for handler in logging.getLogger().handlers:
        handler.flush()
    return events_of(server)


def fail_with(password: str) -> None:
    raise ValueError("it failed")


def test_an_exception_arrives_with_its_traceback_and_nothing_secret(sentry: FakeServer) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    try:
        fail_with("-".join(["hunter", "2"]))
    except ValueError:
        structlog.get_logger("webhooks.duties").exception(
            "duty_failed", duty="jobs", token="-".join(["to", "ken"]), count=3
        )
    (event,) = reported(sentry)
    assert event["logentry"]["message"] == "duty_failed"
    assert (event["level"], event["logger"], event["release"]) == ("error", "webhooks.duties", "1.2.3")
    assert (event["environment"], event["tags"]) == ("staging", {"request_id": "r-1", "duty": "jobs"})
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("ValueError", "it failed")
    assert [frame["function"] for frame in exception["stacktrace"]["frames"]][-1] == "fail_with"
    assert event["extra"] == {"count": "3", "token": "[Filtered]"}
    text = json.dumps(event)
    assert "hunter-2" not in text
    assert "to-ken" not in text
    assert not event.get("server_name")
    assert not {"request", "user", "modules"} & event.keys()


def test_an_error_of_a_library_arrives_and_a_warning_does_not(sentry: FakeServer) -> None:
    logging.getLogger("django.request").warning("Not Found: /x")
    logging.getLogger("celery.app.trace").error("Task %s failed", "sweep")
    (event,) = reported(sentry)
    assert event["logentry"]["message"] == "Task sweep failed"
    assert "exception" not in event


def test_without_sentry_no_handler_is_there() -> None:
    assert list(settings.LOGGING["handlers"]) == ["stderr"]

import io
import json
import logging.config
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog
from django.conf import settings as django_settings
from django.test import Client

from invenicum.logging import configure


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The service's log as JSON lines."""
    stream = io.StringIO()
    configuration = configure("INFO", for_people=False)
    configuration["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(configuration)
    yield stream
    logging.config.dictConfig(django_settings.LOGGING)
    structlog.contextvars.clear_contextvars()


def test_the_callers_id_is_returned(client: Client) -> None:
    for path in ("/api/v1/integrations/status", "/healthz", "/nothing/here"):
        assert client.get(path, headers={"X-Request-Id": "req-7f.3:c"})["X-Request-Id"] == "req-7f.3:c"


def test_a_request_without_an_id_gets_a_new_one(client: Client) -> None:
    first, second = (client.get("/healthz")["X-Request-Id"] for _ in range(2))
    assert UUID(first) != UUID(second)


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é", "a\tb", "a\r\nSet-Cookie: x"])
def test_an_id_that_is_too_long_or_unprintable_is_replaced(client: Client, given: str) -> None:
    answered = client.get("/healthz", headers={"X-Request-Id": given})["X-Request-Id"]
    assert str(UUID(answered)) == answered


def test_what_is_logged_for_a_request_carries_its_id(client: Client, log: io.StringIO) -> None:
    client.get("/admin/nothing", headers={"X-Request-Id": "req-1"})
    client.post("/nothing/here", headers={"X-Request-Id": "req-2"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {line["request_id"] for line in lines} >= {"req-2"}
    assert all("request_id" in line for line in lines)


def test_a_refused_token_is_logged_with_the_id(client: Client, log: io.StringIO, settings: Any) -> None:
    settings.INVENICUM_JWT_SECRET = "s" * 32
    client.get("/assets", headers={"X-Request-Id": "req-3", "Authorization": "Bearer a.b.c"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    refused = next(line for line in lines if line["event"] == "invenicum_token_refused")
    assert refused["request_id"] == "req-3"

"""Probes, publishing and pings while the database or the broker takes connections and answers nothing, as if frozen."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from tests.factories import connect_webhook
from tests.faults.conftest import on_postgresql
from tests.processes import environment, web
from tests.services import free_port, wait_for_port
from tests.waiting import WAIT_DEADLINE_SECONDS

PROBERS = 20
# Two seconds on a machine that is not four times slower.
READINESS_SECONDS = 6.0


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield server.getsockname()[1]


def ask(port: int, path: str, token: str = "", body: Any = None) -> tuple[int, Any, float]:
    began = time.monotonic()
    client = HTTPConnection("127.0.0.1", port, timeout=WAIT_DEADLINE_SECONDS)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if token else {}
    method = "GET" if body is None else "POST"
    client.request(method, path, None if body is None else json.dumps(body), headers)
    response = client.getresponse()
    content = json.load(response)
    client.close()
    return response.status, content, time.monotonic() - began


def test_readiness_takes_two_seconds_whatever_hangs_and_whoever_asks(silent: int, tmp_path: Path) -> None:
    port = free_port()
    variables = environment(
        DATABASE_URL=f"postgres://u:p@127.0.0.1:{silent}/d",
        CELERY_BROKER_URL=f"redis://127.0.0.1:{silent}/0",
        PORT=str(port),
        WEB_WORKERS="1",
    )
    with web(variables, tmp_path / "log"), ThreadPoolExecutor(PROBERS) as probers:
        wait_for_port(port)
        for _ in range(2):
            answers = list(probers.map(lambda _: ask(port, "/readyz"), range(PROBERS)))
            assert {status for status, _, _ in answers} == {503}
            assert {(body["database"], body["broker"]) for _, body, _ in answers} == {("not reachable",) * 2}
            assert max(seconds for *_, seconds in answers) < READINESS_SECONDS
        assert ask(port, "/healthz")[2] < 1


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_publishing_and_pings_do_not_wait_for_a_broker_that_hangs(silent: int, tmp_path: Path, alice: User) -> None:
    connect_webhook(alice)
    token, port = issue_token(alice, ["events:write", "integrations:write"]), free_port()
    with web(environment(CELERY_BROKER_URL=f"redis://127.0.0.1:{silent}/0", PORT=str(port)), tmp_path / "log"):
        wait_for_port(port)
        ask(port, "/api/v1/integrations/status", token)  # the first request of a process loads what others need
        event = {"event": "asset.created", "data": {"assetId": "a"}}
        for path, body, expected in (("/api/v1/events", event, 202), ("/api/v1/integrations/webhook/ping", {}, 202)):
            status, answer, seconds = ask(port, path, token, body)
            assert (status, seconds < READINESS_SECONDS) == (expected, True), (path, status, answer, seconds)

"""Web requests while PostgreSQL is away, and when it comes back. On a server of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from invenicum.ids import uuid7
from tests.faults.conftest import on_postgresql
from tests.faults.database import Database, LosesAnswer
from tests.faults.web import TOKEN, Web, serving

pytestmark = on_postgresql

EVENT = {"event": "report.ready", "data": {"n": 1}}


@pytest.fixture(scope="module")
def token(database: Database) -> str:
    return database.run(TOKEN, database.folder.parent / "token.log")


def test_while_the_database_is_away_every_request_gets_503_and_then_works_at_once(
    database: Database, token: str, tmp_path: Path
) -> None:
    with serving(database, token, tmp_path, database.url) as server:
        lose_and_regain(database, server)


def lose_and_regain(database: Database, server: Web) -> None:
    for _ in range(20):  # so that several threads have a connection to lose
        assert server.ask("GET", "/api/v1/assets")[0] == 200
    session = {"Cookie": "sessionid=0123456789abcdef0123456789abcdef"}
    database.crash()
    for method, path, body, given in (
        ("GET", "/api/v1/assets", None, {}),
        ("GET", "/events", None, {}),
        ("POST", "/api/v1/events", EVENT, {}),
        ("POST", "/oauth/token", "grant_type=client_credentials&client_id=a&client_secret=b", {}),
        ("POST", f"/webhooks/github/{uuid7()}", {}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
        ("POST", "/", None, {"X-Invenicum-Signature": "0", "webhook-id": f"evt_{uuid7().hex}"}),  # in the middleware
    ):
        status, headers, content = server.ask(method, path, body, **given)
        assert (path, status, headers.get("retry-after")) == (path, 503, "2"), content
        assert headers["content-type"] == "application/json"
        envelope = json.loads(content)
        assert (envelope["success"], envelope["error"]) == (False, "UNAVAILABLE")
    for path in ("/admin/", "/signin"):
        status, headers, content = server.ask("GET", path, Accept="text/html", **session)
        assert (path, status, headers.get("retry-after")) == (path, 503, "2"), content
        assert headers["content-type"].startswith("text/html")
    assert server.ask("GET", "/healthz")[0] == 200
    database.start()
    for _ in range(20):
        assert server.ask("GET", "/api/v1/assets")[0] == 200
        assert server.ask("POST", "/api/v1/events", EVENT)[0] == 202
    assert server.process.process.poll() is None


def test_a_publish_in_doubt_is_safe_to_repeat_with_its_key(database: Database, token: str, tmp_path: Path) -> None:
    before = database.rows("SELECT count(*) FROM events_event")[0][0]
    proxy = LosesAnswer(database.folder)
    with proxy.running(), serving(database, token, tmp_path, proxy.url) as server:
        assert server.ask("GET", "/events")[0] == 200
        proxy.is_armed.set()
        status, headers, body = server.ask("POST", "/events", EVENT, Idempotency_Key="in-doubt")
        assert (status, headers.get("retry-after"), proxy.is_armed.is_set()) == (503, "2", False), body
        answers = [server.ask("POST", "/events", EVENT, Idempotency_Key="in-doubt") for _ in range(2)]
    assert [status for status, _, _ in answers] == [202, 202], answers
    assert answers[0][2] == answers[1][2]
    assert database.rows("SELECT count(*) FROM events_event")[0][0] == before + 1

"""What every kind of process logs while PostgreSQL is away: that it is, in lines of JSON, banners included."""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.conftest import Broker, on_postgresql
from tests.faults.database import Database
from tests.faults.web import TOKEN, Web
from tests.processes import Process, beat, deliver, web, worker
from tests.services import free_port, wait_for_port
from tests.waiting import wait_until

pytestmark = on_postgresql

EVENT = {"event": "report.ready", "data": {"n": 1}}


def lines(process: Process) -> list[dict[str, Any]]:
    """What it has logged; fails for a line that is not JSON."""
    return [json.loads(line) for line in process.output().splitlines()]


def says(process: Process, event: str) -> bool:
    return any(line["event"] == event for line in lines(process))


def test_every_process_says_in_json_that_the_database_is_away_and_goes_on(
    database: Database, broker: Broker, tmp_path: Path
) -> None:
    token = database.run(TOKEN, tmp_path / "token.log")
    broker.start()
    port = free_port()
    env = database.environment(PORT=str(port), WEB_WORKERS="1", CELERY_BROKER_URL=broker.url, SWEEP_INTERVAL="0.5")
    with ExitStack() as running:
        server = running.enter_context(web(env, tmp_path / "web.log"))
        engines = [
            running.enter_context(worker(env, tmp_path / "worker.log", queues="celery")),
            running.enter_context(worker(env, tmp_path / "jobs.log", queues="jobs")),
            running.enter_context(deliver(env | {"CELERY_BROKER_URL": ""}, tmp_path / "deliver.log")),
        ]
        clock = running.enter_context(beat(env, tmp_path / "beat.log", tmp_path / "schedule"))
        wait_for_port(port)
        client = Web(server, port, token)
        assert client.ask("POST", "/events", EVENT)[0] == 202
        assert b"invenicum_database_up 1.0" in client.ask("GET", "/metrics")[2]
        wait_until(lambda: client.ask("GET", "/readyz")[0] == 200, "the engine runs")
        database.crash()
        known = {"X-Request-Id": "r-1", "Cookie": f"sessionid={'0' * 32}; invenicum_portal={'0' * 43}"}
        for method, path in (("POST", "/events"), ("GET", "/assets"), ("GET", "/portal"), ("GET", "/admin/")):
            status, headers, _ = client.ask(method, path, EVENT if method == "POST" else None, **known)
            assert (path, status, headers["retry-after"], headers["x-request-id"]) == (path, 503, "2", "r-1")
        # The page from before is shared for a second.
        wait_until(lambda: b"invenicum_database_up 0.0" in client.ask("GET", "/metrics")[2], "/metrics says so")
        status, _, page = client.ask("GET", "/metrics")
        assert (status, b"invenicum_build_info{" in page, b"_pending{" in page) == (200, True, False)
        for process in (server, *engines):
            wait_until(partial(says, process, "database_failed"), f"{process.log.name} says so")
        named = [line.get("request_id") or line.get("request_ids") for line in lines(server)]
        assert "r-1" in named
        assert ["r-1"] in named
        database.start()
        wait_until(lambda: client.ask("GET", "/readyz")[0] == 200, "everything works again")
        for process in (server, *engines, clock):
            assert process.terminate() in (0, -15), process.output()
            assert lines(process) or process is clock

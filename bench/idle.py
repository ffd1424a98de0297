"""Nothing else to do: from one POST to its request at the receiver, and what `deliver` costs while it waits."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection

from bench import processor, runs
from bench.receivers import Behaviour, Receiver
from bench.shapes import Chart, Result, Size, Table, Target, percentile
from bench.stand import Stand, wait_until
from tests.services import wait_for_port

INTERVAL_SECONDS = 0.05
TARGET_P50_MS, TARGET_P99_MS, TARGET_CORE_PERCENT = 5.0, 10.0, 0.5
WARM_UP_EVENTS = 20


def run(stand: Stand, size: Size) -> Result:
    events, quiet = size.of(60, 400, 2000), size.of(4.0, 20.0, 60.0)
    table = Table("From sending POST /events to the request at the receiver, ms", ["", "p50", "p99", "answer p50"])
    idle = Table("A `deliver` loop with nothing to do", ["", "% of a core"])
    targets, medians = [], {}
    redis = stand.redis()
    ways = {
        "Celery on Redis": (redis, stand.env["DATABASE_URL"]),
        "`deliver` on PostgreSQL": ("", stand.env["DATABASE_URL"]),
        "`deliver` on SQLite": ("", ""),
    }
    for name, (broker, database) in ways.items():
        env = {"DATABASE_URL": database}
        receiver = stand.receiver([Behaviour.ANSWERS])
        worker = (
            stand.celery("invenicum", broker, "--concurrency", "2")
            if broker
            else stand.python("manage.py", "deliver", **env)
        )
        port = stand.begin_web(broker, **env)
        web = stand.web_process
        client = _Client(stand, port, receiver, name, env)
        runs.settle(worker)
        client.publish(WARM_UP_EVENTS)
        arrived, answered = client.publish(events)
        p50, p99 = percentile(arrived, 0.5), percentile(arrived, 0.99)
        table.rows.append([name, p50, p99, percentile(answered, 0.5)])
        medians[name] = p50
        is_met = p50 <= TARGET_P50_MS and p99 <= TARGET_P99_MS
        targets.append(
            Target(f"POST to request, idle, {name}", "p50 ≤ 5 ms, p99 ≤ 10 ms", f"{p50:.1f}, {p99:.1f} ms", is_met)
        )
        if not broker:
            percent = _percent_of_a_core(worker.pid, quiet)
            idle.rows.append([name, percent])
            targets.append(
                Target(f"Idle {name}", "≤ 0.5 % of a core", f"{percent:.2f} %", percent <= TARGET_CORE_PERCENT)
            )
        assert web is not None
        stand.kill(worker)
        stand.kill(web)
    return Result(tables=[table, idle], targets=targets, charts=[Chart("Idle: POST to request, median", "ms", medians)])


def _percent_of_a_core(pid: int, seconds: float) -> float:
    before, began = processor.exact_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (processor.exact_seconds(pid) - before) / (time.monotonic() - began) * 100


class _Client:
    """A user with a webhook, who publishes over one connection."""

    def __init__(self, stand: Stand, port: int, receiver: Receiver, name: str, env: dict[str, str]):
        user = "".join(filter(str.isalpha, name)).lower()
        token = stand.output("manage.py", "issue_token", user, **env).strip()
        self._receiver = receiver
        wait_for_port(port)
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        config = {"type": "webhook", "config": {"url": receiver.urls[0]}}
        self._post("/api/v1/integrations", config)

    def publish(self, count: int) -> tuple[list[float], list[float]]:
        """Milliseconds from sending to the receiver, and from sending to the answer, of `count` events."""
        sent, answered, arrivals = {}, [], {}
        for number in range(count):
            began = time.time()
            event = self._post("/api/v1/events", {"event": "asset.created", "data": {"assetId": f"asset-{number}"}})
            answered.append((time.time() - began) * 1000)
            sent[event["data"]["id"].removeprefix("evt_")] = began
            time.sleep(max(began + INTERVAL_SECONDS - time.time(), 0))

        def are_here() -> bool:
            arrivals.update(self._receiver.arrivals())
            return arrivals.keys() >= sent.keys()

        wait_until(are_here, seconds=60, every=0.1)
        return [(arrivals[event] - at) * 1000 for event, at in sent.items()], answered

    def _post(self, path: str, body: dict) -> dict:
        self._connection.request("POST", path, json.dumps(body).encode(), self._headers)
        answer = self._connection.getresponse()
        read = json.load(answer)
        assert answer.status < 300, read
        return read

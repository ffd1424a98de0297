"""Requests of the app a second, with the shipped settings: 32 connections, each of another user."""

import json

from bench import load, seed
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token

CONNECTIONS = 32
ASSET = json.dumps({"name": "Product Photo.jpg", "category": "Images", "tags": ["draft"]}).encode()
WANTED = {"GET /integrations/status": 2000, "GET /integrations/:type": 2000, "POST /assets": 1000}


def run(stand: Stand, size: Size) -> Result:
    seconds = size.of(3.0, 15.0, 60.0)
    owners = seed.connect(stand.endpoints(1), CONNECTIONS)
    tokens = [issue_token(User.objects.get(pk=owner)) for owner in owners]
    reads = {
        "GET /integrations/status": [load.get("/api/v1/integrations/status", token) for token in tokens],
        "GET /integrations/:type": [load.get("/api/v1/integrations/webhook", token) for token in tokens],
        "POST /assets": [load.post("/api/v1/assets", token, ASSET) for token in tokens],
        "GET /healthz": [load.get("/healthz")],
    }
    port = stand.web()
    table = Table(
        f"Requests a second, {CONNECTIONS} connections", ["", "requests/s", "ms p50", "ms p99", "web us", "failed"]
    )
    rates = {}
    for name, requests in reads.items():

        def request(number: int, requests: list[bytes] = requests) -> bytes:
            return requests[number % len(requests)]

        load.send(port, request, CONNECTIONS, size.of(0.5, 1.0, 1.0))
        before = stand.web_seconds()
        answers = load.send(port, request, CONNECTIONS, seconds)
        spent = (stand.web_seconds() - before) / answers.count * 1e6
        rates[name] = answers.rate
        table.rows.append([name, answers.rate, answers.p50, answers.p99, spent, answers.failed])
    return Result(
        tables=[table],
        targets=[
            Target(name, f"≥ {wanted:,}/s", f"{rates[name]:,.0f}/s", rates[name] >= wanted)
            for name, wanted in WANTED.items()
        ],
        charts=[Chart("The app's requests", "requests/s", {name: rates[name] for name in WANTED})],
    )

"""What this machine can do without the service, so that runs on different machines can be compared."""

import time

from django.db import connection

from bench import egress, load
from bench.shapes import Result, Size, Table
from bench.stand import Stand

ENDPOINTS = 500
IN_FLIGHT = 100


def run(stand: Stand, size: Size) -> Result:
    seconds = size.of(2.0, 5.0, 10.0)
    requests = size.of(5_000, 20_000, 50_000)
    spent = egress.with_bare_libcurl(stand.endpoints(ENDPOINTS), requests, IN_FLIGHT)
    port = stand.web()
    health = load.get("/healthz")
    load.send(port, lambda _: health, 32, 1)
    return Result(
        tables=[
            Table(
                "Yardsticks",
                ["", "a second"],
                [
                    ["durable commits of one row, one connection", _commits(seconds)],
                    [f"libcurl's requests to a receiver, one core, {IN_FLIGHT} in flight", requests / spent],
                    ["GET /healthz, 32 connections", load.send(port, lambda _: health, 32, seconds).rate],
                ],
            )
        ]
    )


def _commits(seconds: float) -> float:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE yardstick (number bigint)")
        began, number = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            cursor.execute("INSERT INTO yardstick VALUES (%s)", [number])
            number += 1
        lasted = time.monotonic() - began
        cursor.execute("DROP TABLE yardstick")
    return number / lasted

"""Latency from an event's commit to its request: idle and at half load, with each broker and without one."""

import subprocess
from collections.abc import Callable

from bench import runs, seed, steady
from bench.receivers import Behaviour
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand

ENDPOINTS = 500
IDLE_RATE = 20  # events a second
TARGET_MS = 15.0
HALF_LOAD_RUNS = (2, 3, 3)  # by size; the slowest of them counts: a worker that once fell behind may stay behind
COLUMNS = ["", "events/s", "p50", "p99", "longest"]
TITLE = "Milliseconds from the commit of an event to its request at the receiver"


def run(stand: Stand, size: Size) -> Result:
    receiver = stand.receiver([Behaviour.ANSWERS] * ENDPOINTS)
    owners = seed.connect(receiver.urls, ENDPOINTS)
    seed.fill_many(owners, size.of(5_000, 30_000, 100_000))
    half = runs.measure(stand, lambda: [stand.deliver("--once")]).rate / 2
    redis, rabbitmq = stand.redis(), stand.rabbitmq()
    ways: dict[str, tuple[str, Callable[[], subprocess.Popen[bytes]]]] = {
        "Celery on Redis": (redis, lambda: stand.celery("invenicum", redis, "--concurrency", "2")),
        "`deliver`, no broker": ("", stand.deliver),
    }
    notes = []
    if rabbitmq:
        ways["Celery on RabbitMQ"] = rabbitmq, lambda: stand.celery("invenicum", rabbitmq, "--concurrency", "2")
    else:
        notes.append("RabbitMQ is not installed and was not measured.")
    table, medians = Table(TITLE, COLUMNS), {}
    for name, (broker, start) in ways.items():
        seed.wipe()
        worker, publisher = start(), steady.Publisher(stand, broker)
        steady.open_connections(publisher, receiver, owners)
        for load, rate, times in (("idle", IDLE_RATE, 1), ("half load", half, size.of(*HALF_LOAD_RUNS))):
            seconds, warm_up = size.of(3.0, 15.0, 60.0), steady.warm_up_seconds(size)
            measured = [
                steady.measure(publisher, receiver, owners, rate, seconds, warm_up=warm_up) for _ in range(times)
            ]
            found = max(measured, key=lambda latency: latency.p50)
            table.rows.append([f"{name}, {load}", found.rate, found.p50, found.p99, found.worst])
            medians[f"{name}, {load}"] = found.p50
        stand.kill(worker)
    idle = medians["Celery on Redis, idle"]
    return Result(
        tables=[table],
        targets=[
            Target(
                "Event to request, idle, Redis, median",
                f"≤ {TARGET_MS:.0f} ms",
                f"{idle:.1f} ms",
                idle <= TARGET_MS,
            ),
        ],
        charts=[Chart("Event to request, median", "ms", medians)],
        notes=notes,
    )

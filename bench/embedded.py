"""The embedded default: SQLite and one `deliver` loop."""

from bench import runs, seed, steady
from bench.latency import COLUMNS, IDLE_RATE, TITLE
from bench.receivers import Behaviour
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand

ENDPOINTS = 500
TARGET_RATE = 1500


def run(stand: Stand, size: Size) -> Result:
    count = size.of(5_000, 20_000, 100_000)
    receiver = stand.receiver([Behaviour.ANSWERS] * ENDPOINTS)
    owners = seed.connect(receiver.urls, ENDPOINTS)
    starting = runs.cost_of_starting(stand)
    seed.publish(owners, count)
    found = runs.measure(stand, lambda: [stand.deliver("--once")], starting)
    seed.wipe()
    table = Table(TITLE, COLUMNS)
    worker, publisher = stand.deliver(), steady.Publisher(stand)
    steady.open_connections(publisher, receiver, owners)
    for load, rate in (("idle", IDLE_RATE), ("half load", found.rate / 2)):
        seconds, warm_up = size.of(4.0, 15.0, 60.0), steady.warm_up_seconds(size)
        one = steady.measure(publisher, receiver, owners, rate, seconds, warm_up=warm_up)
        table.rows.append([f"SQLite, {load}", one.rate, one.p50, one.p99, one.worst])
    stand.end(worker)
    return Result(
        tables=[
            Table(
                f"{count:,} deliveries to {ENDPOINTS} endpoints on SQLite",
                ["deliveries/s", "worker us", "receiver us", "failed attempts"],
                [[found.rate, found.worker, found.receiver, found.failed]],
            ),
            table,
        ],
        targets=[
            Target(
                "Deliveries a second on SQLite", f"≥ {TARGET_RATE:,}", f"{found.rate:,.0f}", found.rate >= TARGET_RATE
            )
        ],
        charts=[Chart("Embedded default (SQLite), one process", "deliveries/s", {"deliver": found.rate})],
    )

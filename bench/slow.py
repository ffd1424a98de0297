"""Endpoints that answer late: the rate is limited by what is in flight, not by the processor."""

from bench import runs, seed
from bench.receivers import LATE_SECONDS, Behaviour
from bench.shapes import Chart, Result, Size, Table
from bench.stand import Stand

ENDPOINTS = 1000


def run(stand: Stand, size: Size) -> Result:
    count = size.of(20_000, 100_000, 300_000)
    owners = seed.connect(stand.receiver([Behaviour.ANSWERS_LATE] * ENDPOINTS).urls, ENDPOINTS)
    starting = runs.cost_of_starting(stand)
    table = Table(
        f"{ENDPOINTS:,} endpoints that answer after {LATE_SECONDS * 1000:.0f} ms, {count:,} pending",
        ["", "deliveries/s", "worker us", "failed attempts"],
    )
    rates = {}
    for name, processes in (("deliver × 1", 1), ("deliver × 2", 2)):
        seed.wipe()
        seed.fill_many(owners, count)
        found = runs.measure(stand, lambda n=processes: [stand.deliver() for _ in range(n)], starting * processes)
        rates[name] = found.rate
        table.rows.append([name, found.rate, found.worker, found.failed])
    return Result(tables=[table], charts=[Chart("Endpoints that answer late", "deliveries/s", rates)])

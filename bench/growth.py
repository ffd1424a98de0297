"""How throughput depends on the number of pending deliveries and of endpoints: one worker, warmed up."""

import os
import statistics
import time
from collections.abc import Sequence

from bench import seed
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand
from webhooks.engine.worker import drain

MEASUREMENT_SECONDS = 6.0
QUICK_MEASUREMENT_SECONDS = 2.0
ROUNDS = 3  # alternating, because the machine's speed varies; the median counts
FEW_ENDPOINTS = 500
MILLION, TEN_MILLION = 1_000_000, 10_000_000


def run(stand: Stand, size: Size) -> Result:
    most_endpoints = size.of(1_000, 10_000, 10_000)
    urls = stand.endpoints(most_endpoints)
    owners = seed.connect(urls, most_endpoints)
    few = owners[:FEW_ENDPOINTS]
    rounds = size.of(1, ROUNDS, ROUNDS)
    seconds = size.of(QUICK_MEASUREMENT_SECONDS, MEASUREMENT_SECONDS, MEASUREMENT_SECONDS)
    pending = _rates(
        {
            f"{count:,} pending": (few, count)
            for count in size.of((1_000, 50_000), (1_000, 100_000, MILLION), (1_000, 100_000, MILLION))
        },
        rounds,
        seconds,
    )
    if size == Size.FULL:  # once: filling the table takes most of the time
        pending |= _rates({f"{TEN_MILLION:,} pending": (few, TEN_MILLION)}, 1, seconds)
    endpoints = _rates(
        {
            f"{count:,} endpoints": (owners[:count], size.of(20_000, 100_000, 100_000))
            for count in dict.fromkeys((FEW_ENDPOINTS, 10, 1_000, most_endpoints))
        },
        rounds,
        seconds,
    )
    return Result(
        tables=[
            _table(f"Deliveries pending, {len(few)} endpoints", pending),
            _table("Endpoints", endpoints),
        ],
        targets=[
            *_targets(pending, MILLION, "pending", 0.95),
            *_targets(pending, TEN_MILLION, "pending", 0.95),
            *_targets(endpoints, 10_000, "endpoints", 0.9),
        ],
        charts=[Chart("Growth, one worker", "deliveries/s", pending | endpoints)],
    )


def _targets(rates: dict[str, float], count: int, what: str, wanted: float) -> list[Target]:
    """That a case reaches a share of the first one's rate; none if it was not measured."""
    first, case = next(iter(rates)), f"{count:,} {what}"
    if case not in rates:
        return []
    share = rates[case] / rates[first]
    return [Target(f"{case}, compared with {first}", f"≥ {wanted}", f"{share:.2f}", share >= wanted)]


def _rates(cases: dict[str, tuple[Sequence[int], int]], rounds: int, seconds: float) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (owners, pending) in cases.items():
            found[name].append(_rate(owners, pending, seconds))
    return {name: statistics.median(rates) for name, rates in found.items()}


def _rate(owners: Sequence[int], pending: int, measured: float) -> float:
    """Deliveries a second of one engine that starts with `pending` deliveries, measured for so many seconds."""
    seed.wipe()
    seed.fill(owners, 5_000)
    drain()  # opens connections and caches configurations
    count = seconds = 0.0
    while seconds < measured:
        seed.wipe()
        seed.fill_many(owners, pending)
        os.sync()  # so that disk writes of the preparation are not measured
        began = time.perf_counter()
        drained = drain(seconds=measured - seconds)
        seconds += time.perf_counter() - began
        count += drained.counts["delivered"]
        if drained.more:
            break
    return count / seconds


def _table(title: str, rates: dict[str, float]) -> Table:
    first = next(iter(rates.values()))
    return Table(title, ["", "deliveries/s", "× first"], [[name, rate, rate / first] for name, rate in rates.items()])

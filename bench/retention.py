"""How fast old events are pruned, and how much that slows down deliveries."""

import subprocess
import time

from bench import runs, seed
from bench.shapes import Result, Size, Table
from bench.stand import Stand
from invenicum.events.models import Event

ENDPOINTS = 500


def run(stand: Stand, size: Size) -> Result:
    old, new = size.of(20_000, 200_000, 1_000_000), size.of(5_000, 50_000, 200_000)
    owners = seed.connect(stand.endpoints(ENDPOINTS), ENDPOINTS)
    prunes: list[subprocess.Popen[bytes]] = []

    def prune() -> subprocess.Popen[bytes]:
        return stand.python("manage.py", "prune", "--days", "30")

    def deliver() -> runs.Workers:
        return [stand.deliver("--once")]

    def deliver_and_prune() -> runs.Workers:
        prunes.append(prune())
        return deliver()

    _fill(owners, old, 0)
    began = time.monotonic()
    assert prune().wait() == 0
    seconds = time.monotonic() - began
    assert not Event.objects.exists()
    seed.fill_many(owners, new)
    alone = runs.measure(stand, deliver).rate
    _fill(owners, old, new)
    beside = runs.measure(stand, deliver_and_prune).rate
    went_on = prunes[0].poll() is None
    stand.end(prunes[0])
    return Result(
        tables=[
            Table(
                f"Pruning {old:,} old events with a delivery and an attempt each",
                ["events/s", "deliveries/s alone", "deliveries/s during it", "× alone"],
                [[old / seconds, alone, beside, beside / alone]],
            )
        ],
        notes=[] if went_on else ["Pruning ended before the deliveries did, so the end was not measured with it."],
    )


def _fill(owners: list[int], old: int, new: int) -> None:
    seed.wipe()
    seed.fill_many(owners, old, days_ago=60)
    seed.deliver_all()
    if new:
        seed.fill_many(owners, new)

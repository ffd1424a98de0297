"""Whether a worker's memory stays constant."""

import time

from bench import processor, seed
from bench.shapes import Result, Size, Table, Target
from bench.stand import Stand
from webhooks.models import Delivery

ENDPOINTS = 1000
SAMPLE_INTERVAL_SECONDS = 0.5
TOLERANCE = 0.05


def run(stand: Stand, size: Size) -> Result:
    count = size.of(20_000, 200_000, 1_000_000)
    seed.fill_many(seed.connect(stand.endpoints(ENDPOINTS), ENDPOINTS), count)
    worker = stand.deliver("--once")
    seen: list[float] = []  # MiB, since it began to deliver
    while worker.poll() is None:
        if seen or seed.pending() < count:
            seen.append(processor.resident(worker.pid))
        time.sleep(SAMPLE_INTERVAL_SECONDS)
    assert Delivery.objects.filter(status=Delivery.Status.DELIVERED).count() == count
    # After a tenth every connection is open and every configuration cached.
    tenth, end, most = seen[len(seen) // 10], seen[-1], max(seen)
    return Result(
        tables=[
            Table(
                f"Resident memory of a worker over {count:,} deliveries to {ENDPOINTS} endpoints, MiB",
                ["at the first outcome", "after a tenth", "in the middle", "at the end", "most"],
                [[seen[0], tenth, seen[len(seen) // 2], end, most]],
            )
        ],
        targets=[
            Target(
                f"Memory over {count:,} deliveries, after the first tenth",
                "flat",
                f"{end - tenth:+.1f} MiB of {tenth:.0f}",
                end <= tenth * (1 + TOLERANCE),
            )
        ],
    )

"""How faulty endpoints affect healthy ones, and one owner's flood another owner."""

from collections.abc import Sequence

from django.db.models import Max, Min

from bench import seed, steady
from bench.receivers import Behaviour
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand, wait_until
from webhooks.models import Attempt, Delivery

HEALTHY, FAULTY = 900, 100
FAULTS = (Behaviour.HANGS, Behaviour.DRIPS, Behaviour.REFUSES)  # the worst of them is first
NONE = "without them"
MAX_LATENCY_RATIO, MAX_THROUGHPUT_LOSS = 1.5, 0.1
MAX_DELAY_SECONDS = 2.0


def run(stand: Stand, size: Size) -> Result:
    broker = stand.redis()
    publisher = steady.Publisher(stand, broker)
    # Faulty endpoints are spread evenly among the others; each kind takes part in its own run only.
    behaviours = [*[Behaviour.ANSWERS] * (HEALTHY // FAULTY), *FAULTS] * FAULTY
    receiver = stand.receiver(behaviours)
    owners = seed.connect(receiver.urls, len(behaviours))
    of = {behaviour: [o for o, t in zip(owners, behaviours, strict=True) if t == behaviour] for behaviour in Behaviour}
    healthy = of[Behaviour.ANSWERS]
    drained: dict[str, float] = {}
    found: dict[str, steady.Latency] = {}
    faults = size.of(FAULTS[:1], FAULTS, FAULTS)
    for name, faulty in {NONE: [], **{str(behaviour): of[behaviour] for behaviour in faults}}.items():
        everyone = sorted(healthy + faulty)
        seed.wipe()
        seed.fill_many(everyone, len(everyone) * size.of(10, 50, 300))
        drained[name] = _drain(stand, healthy)
        seed.wipe()
        worker = stand.celery("invenicum", broker, "--concurrency", "2")
        steady.open_connections(publisher, receiver, healthy)
        rate = drained[NONE] / 2 * len(everyone) / HEALTHY
        found[name] = steady.measure(publisher, receiver, everyone, rate, size.of(6.0, 20.0, 120.0), ignored=faulty)
        stand.kill(worker)
    flood = size.of(20_000, 100_000, 1_000_000)
    seed.wipe()
    seed.fill_many(healthy[:1], flood)
    worker = stand.celery("invenicum", broker, "--concurrency", "2")
    alone = steady.measure(publisher, receiver, healthy[1:], 5, size.of(3.0, 10.0, 60.0))
    left = Delivery.objects.filter(status=Delivery.Status.PENDING).count()
    stand.kill(worker)
    drops = {name: 1 - rate / drained[NONE] for name, rate in drained.items() if name != NONE}
    longer = {name: one.p99 / found[NONE].p99 for name, one in found.items() if name != NONE}
    worst, least = max(longer, key=longer.__getitem__), max(drops, key=drops.__getitem__)
    return Result(
        tables=[
            Table(
                f"{HEALTHY} healthy endpoints with {FAULTY} faulty ones: results of the healthy ones",
                ["", "deliveries/s", "× without", "events/s", "p50 ms", "p99 ms", "p99 × without"],
                [
                    [name, drained[name], 1 - drops.get(name, 0.0), one.rate, one.p50, one.p99, longer.get(name, 1.0)]
                    for name, one in found.items()
                ],
            ),
            Table(
                f"Single events of other owners while one owner has {flood:,} pending",
                ["p50 ms", "p99 ms", "longest ms", "events", "pending of the flood at the end"],
                [[alone.p50, alone.p99, alone.worst, alone.count, left]],
            ),
        ],
        targets=[
            Target(
                "Healthy endpoints' throughput with faulty ones",
                f"at most {MAX_THROUGHPUT_LOSS:.0%} less",
                f"{drops[least]:.0%} less ({least})",
                drops[least] <= MAX_THROUGHPUT_LOSS,
            ),
            Target(
                "Healthy endpoints' p99 with faulty ones",
                f"≤ {MAX_LATENCY_RATIO} ×",
                f"{longer[worst]:.2f} × ({worst})",
                longer[worst] <= MAX_LATENCY_RATIO,
            ),
            Target(
                f"A single event's delay behind another owner's flood of {flood:,}",
                f"≤ {MAX_DELAY_SECONDS:.0f} s",
                f"{alone.worst / 1000:.2f} s",
                alone.worst / 1000 <= MAX_DELAY_SECONDS,
            ),
        ],
        charts=[
            Chart("Healthy endpoints with 10 % faulty ones, throughput", "deliveries/s", drained),
            Chart("The same, event to request at half load, p99", "ms", {name: one.p99 for name, one in found.items()}),
        ],
    )


def _drain(stand: Stand, healthy: Sequence[int]) -> float:
    """Deliveries a second to the healthy endpoints, from the first attempt of all to their last outcome."""
    of_healthy = Delivery.objects.filter(owner_id__in=healthy)
    worker = stand.deliver()
    wait_until(lambda: not of_healthy.filter(status=Delivery.Status.PENDING).exists(), every=0.2)
    stand.kill(worker)
    began = Attempt.objects.aggregate(first=Min("started_at"))["first"]
    ended = of_healthy.aggregate(last=Max("finished_at"))["last"]
    return of_healthy.count() / (ended - began).total_seconds()

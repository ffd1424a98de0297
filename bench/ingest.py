"""Publishing over HTTP as a backend does it, with a token, an owner, an Idempotency-Key and a durable commit."""

from django.utils import timezone

from bench import load, runs, seed
from bench.backend import BATCH_EVENTS, Backend
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand
from invenicum.events.models import Event
from webhooks.models import Delivery

ENDPOINTS = 500
TARGET_SINGLE, TARGET_MANY = 6000, 8000
TARGET_BATCH_MS, TARGET_BATCHES = 100, 20_000
TARGET_BOTH = 4500


def run(stand: Stand, size: Size) -> Result:
    seconds = size.of(3.0, 15.0, 60.0)
    owners = seed.connect(stand.endpoints(ENDPOINTS), ENDPOINTS)
    backend, broker = Backend(owners), stand.redis()
    port = stand.web(broker)
    load.send(port, backend.single(), 32, size.of(1.0, 2.0, 2.0))  # each process and thread connects to the database
    ways = {
        "one event a request, 32 connections": (backend.single(), 32, 1),
        "one event a request, 128 connections": (backend.single(), 128, 1),
        f"{BATCH_EVENTS:,} events a request, 1 connection": (backend.batches(), 1, BATCH_EVENTS),
        f"{BATCH_EVENTS:,} events a request, 2 connections": (backend.batches(), 2, BATCH_EVENTS),
    }
    table = Table(
        "Published over HTTP",
        ["", "events/s", "ms p50", "ms p99", "web us/event", "PostgreSQL us/event", "failed"],
    )
    found = {}
    for name, (requests, connections, events) in ways.items():
        seed.wipe()
        web, database = stand.web_seconds(), stand.database_seconds()
        answers = found[name] = load.send(port, requests, connections, seconds)
        count = Event.objects.count()
        assert count == (answers.count - answers.failed) * events, "an event that was answered was not written"
        spent = [(stand.web_seconds() - web) / count * 1e6, (stand.database_seconds() - database) / count * 1e6]
        table.rows.append([name, answers.rate * events, answers.p50, answers.p99, *spent, answers.failed])
    drained = runs.measure(stand, lambda: [stand.celery("invenicum", broker, "--concurrency", "2")])
    both, published = _both(stand, port, backend, broker, seconds)
    table.rows.append(["while delivering: one event a request, 32 connections", published, "", "", "", "", 0])
    single, many, batch, batches = found.values()
    rates = {"published, 32 connections": single.rate, "published, 128": many.rate, "both at once": both}
    return Result(
        tables=[
            table,
            Table(
                "Delivered, Celery, 2 processes",
                ["", "deliveries/s"],
                [["what was published in batches", drained.rate], ["while publishing one event a request", both]],
            ),
        ],
        targets=[
            Target("Published one a request, 32", f"≥ {TARGET_SINGLE:,}/s", *_rate(single.rate, TARGET_SINGLE)),
            Target("Published one a request, 128", f"≥ {TARGET_MANY:,}/s", *_rate(many.rate, TARGET_MANY)),
            Target("A batch of 1,000", f"≤ {TARGET_BATCH_MS} ms", f"{batch.p50:.0f} ms", batch.p50 <= TARGET_BATCH_MS),
            Target(
                "In batches, 2 connections",
                f"≥ {TARGET_BATCHES:,}/s",
                *_rate(batches.rate * BATCH_EVENTS, TARGET_BATCHES),
            ),
            Target("Delivered while publishing", f"≥ {TARGET_BOTH:,}/s", *_rate(both, TARGET_BOTH)),
        ],
        charts=[Chart("Over HTTP, one event a request", "events/s", rates)],
    )


def _rate(measured: float, wanted: float) -> tuple[str, bool]:
    return f"{measured:,.0f}/s", measured >= wanted


def _both(stand: Stand, port: int, backend: Backend, broker: str, seconds: float) -> tuple[float, float]:
    """Deliveries a second while events are published, and events published a second."""
    seed.wipe()
    worker = stand.celery("invenicum", broker, "--concurrency", "2")
    runs.settle(worker)
    began = timezone.now()
    answers = load.send(port, backend.single(), 32, seconds)
    delivered = Delivery.objects.filter(status=Delivery.Status.DELIVERED, finished_at__gte=began).count()
    stand.kill(worker)
    return delivered / answers.seconds, answers.rate

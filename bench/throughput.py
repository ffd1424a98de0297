"""Deliveries a second with all features on, compared with the usual design, and where the processor time goes."""

import json

from django.db import connection

from bench import seed, usual
from bench.runs import Run, cost_of_starting, measure, settle
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand
from invenicum.celery import app
from webhooks.models import Delivery
from webhooks.tasks import deliver_due

ENDPOINTS = 500
TABLES = ["events_event", "webhooks_delivery", "webhooks_attempt"]
USUAL = {
    "usual, 2 processes": ("--concurrency", "2"),
    "usual, 16 threads": ("--pool", "threads", "--concurrency", "16"),
}


def run(stand: Stand, size: Size) -> Result:
    count = size.of(10_000, 60_000, 300_000)
    few = size.of(500, 4_000, 20_000)  # for the usual design, which takes ten times as long
    owners = seed.connect(stand.endpoints(ENDPOINTS), ENDPOINTS)
    broker = usual.app.conf.broker_url = app.conf.broker_url = stand.redis()
    starting = cost_of_starting(stand)
    runs: dict[str, Run] = {}
    for kind, options in USUAL.items():
        _fill(owners, few)
        runs[kind] = _usual(stand, broker, options)
    for processes in size.of((1, 2), (1, 2, 4), (1, 2, 4)):
        _fill(owners, count)
        runs[f"deliver × {processes}"] = _deliver(stand, processes, starting)
    _fill(owners, count)
    before = _written()
    runs["Celery, 2 processes"] = _celery(stand, broker)
    traces = _traces(count, _written() - before)
    _fill(owners, count)
    profile = _profile(stand, runs["deliver × 1"])
    best = max(one.rate for kind, one in runs.items() if kind not in USUAL)
    ratio = best / max(runs[kind].rate for kind in USUAL)
    return Result(
        tables=[_comparison(runs), profile, traces],
        targets=[
            Target(f"Deliveries a second over {ENDPOINTS} endpoints", "≥ 6,000", f"{best:,.0f}", best >= 6000),
            Target("Compared with the usual design in the same run", "≥ 10 ×", f"{ratio:.1f} ×", ratio >= 10),
        ],
        charts=[Chart(f"Throughput, {ENDPOINTS} endpoints", "deliveries/s", {k: one.rate for k, one in runs.items()})],
        notes=[
            f"{count:,} deliveries a run; {few:,} of the usual design.",
            f"{sum(one.failed for one in runs.values())} attempts failed.",
        ],
    )


def _fill(owners: list[int], count: int) -> None:
    seed.wipe()
    seed.fill_many(owners, count)


def _deliver(stand: Stand, processes: int, starting: float) -> Run:
    # Not `--once`: a process that starts when all lanes are leased would end immediately.
    return measure(stand, lambda: [stand.deliver() for _ in range(processes)], starting * processes)


def _celery(stand: Stand, broker: str) -> Run:
    worker = stand.celery("invenicum", broker, "--concurrency", "2")
    already = settle(worker)

    def go() -> list:
        for number in range(100):  # as each commit would
            deliver_due.apply_async(countdown=number / 10)
        return [worker]

    return measure(stand, go, already)


def _usual(stand: Stand, broker: str, options: tuple[str, ...]) -> Run:
    starting = _starting(stand, options)
    for delivery_id in Delivery.objects.order_by("id").values_list("id", flat=True):
        usual.send.delay(str(delivery_id))
    return measure(stand, lambda: [stand.celery("bench.usual", broker, *options)], starting)


def _starting(stand: Stand, options: tuple[str, ...]) -> float:
    worker = stand.celery("bench.usual", stand.redis(), *options)
    seconds = settle(worker)
    worker.terminate()  # nothing is measured before the next worker has started
    return seconds


def _comparison(runs: dict[str, Run]) -> Table:
    first, one = max(runs[kind].rate for kind in USUAL), runs["deliver × 1"].rate
    table = Table(
        "Deliveries a second, and microseconds of processor time a delivery",
        ["", "deliveries/s", "× usual", "× deliver 1", "worker", "PostgreSQL", "receiver", "together"],
    )
    for kind, r in runs.items():
        table.rows.append([kind, r.rate, r.rate / first, r.rate / one, r.worker, r.database, r.receiver, r.whole])
    return table


def _written() -> int:
    """Bytes in PostgreSQL's write-ahead log, ever."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


def _traces(count: int, written: int) -> Table:
    """Bytes stored for a delivery, indexes included."""
    seed.settle()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE oid = ANY(%s::regclass[])", [TABLES]
        )
        sizes = dict(cursor.fetchall())
    table = Table("Bytes of a delivery", ["", "bytes"], [[name, sizes[name] / count] for name in TABLES])
    table.rows.append(["write-ahead log, from claim to outcome", written / count])
    return table


def _profile(stand: Stand, plain: Run) -> Table:
    """Where the worker's time goes, from samples, scaled to the time of the run without a sampler."""
    file = stand.folder / "samples.json"
    measure(stand, lambda: [stand.python("-m", "bench.sampler", str(file))])
    samples: dict[str, int] = json.loads(file.read_text())
    total = sum(samples.values())
    table = Table("Where each microsecond of a delivery goes (one worker)", ["", "us", "share"])
    parts = {f"worker: {name}": plain.worker * number / total for name, number in samples.items()}
    parts |= {"PostgreSQL": plain.database, "receiver": plain.receiver}
    for name, microseconds in sorted(parts.items(), key=lambda item: -item[1]):
        table.rows.append([name, microseconds, f"{microseconds / plain.whole:.0%}"])
    return table

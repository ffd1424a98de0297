"""What the engine counts, and how it reaches `/metrics`.

Each worker counts in memory and writes its counters with its heartbeat every two seconds; the process that is scraped
adds them up. So one address shows all workers, on however many machines they run, and no worker opens a port.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from integrations.models import Integration

from ..models import Delivery, EngineHeartbeat, Lane

# From an event's publication to the 2xx that ended its delivery.
LATENCY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200, 86400)

FAULTS = ("worker_died", "drain", "delivery", "lane", "delivery_set_aside", "secrets_unreadable")


class Counters:
    """The counters of one worker.

    `attempts` by `outcome|error class|fault`; `latency` by bucket, the last one unbounded; `slow_steps` by connector;
    `faults` of the engine by kind.
    """

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()
        self.latency = [0] * (len(LATENCY_SECONDS) + 1)
        self.latency_sum = 0.0
        self.slow_steps: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def count(self, outcome: str, error_class: str, fault: str) -> None:
        self.attempts[f"{outcome}|{error_class}|{fault}"] += 1

    def observe(self, seconds: float) -> None:
        self.latency[bisect_left(LATENCY_SECONDS, seconds)] += 1
        self.latency_sum += seconds

    def as_json(self) -> dict[str, Any]:
        return {
            "attempts": dict(self.attempts),
            "latency": self.latency,
            "latencySum": self.latency_sum,
            "slowSteps": dict(self.slow_steps),
            "faults": dict(self.faults),
        }

    def add(self, stored: dict[str, Any]) -> None:
        """Adds the counters that another worker wrote."""
        self.attempts.update(stored.get("attempts", {}))
        for bucket, count in enumerate(stored.get("latency", ())):
            self.latency[bucket] += count
        self.latency_sum += stored.get("latencySum", 0.0)
        self.slow_steps.update(stored.get("slowSteps", {}))
        self.faults.update(stored.get("faults", {}))


@dataclass(frozen=True, slots=True)
class Queue:
    """What is undelivered, e.g. `Queue(due=12, later=3, held=0, waiting=40, oldest_seconds=9.2, circuits_open=1)`.

    `later` ones are tried again, `held` ones wait for a person: their owner, who has to correct the target, or an
    operator, who holds their type; `waiting` ones for their integration. `oldest_seconds` is the age of the oldest that
    is due or tried later, 0 if there is none.
    """

    due: int
    later: int
    held: int
    waiting: int
    oldest_seconds: float
    circuits_open: int


def read_counters() -> Counters:
    """The sums of what all workers have counted, those that are gone included: no sum ever goes back."""
    return total(EngineHeartbeat.objects.values_list("counters", flat=True))


def read_queue(now: datetime) -> Queue:
    """What is undelivered at `now`. It looks at every pending delivery, so that it takes a second for a million."""
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING)
    must_act = Q(integration__problem_fault=Integration.Fault.TARGET) | Q(integration__lane__on_hold=True)
    is_held = Q(due_at__isnull=False) & must_act
    figures = pending.aggregate(
        due=Count("pk", filter=~is_held & Q(due_at__lte=now)),
        later=Count("pk", filter=~is_held & Q(due_at__gt=now)),
        held=Count("pk", filter=is_held),
        waiting=Count("pk", filter=Q(due_at=None)),
        oldest=Min("created_at", filter=~is_held & Q(due_at__isnull=False)),
    )
    oldest = figures.pop("oldest")
    age = (now - oldest).total_seconds() if oldest else 0.0
    return Queue(**figures, oldest_seconds=age, circuits_open=Lane.objects.held(now).count())


def total(stored: Iterable[dict[str, Any]]) -> Counters:
    """The sums of all workers."""
    counters = Counters()
    for item in stored:
        if item:
            counters.add(item)
    return counters


class EngineCollector(Collector):
    """What Prometheus reads of the engine, from the database at each scrape.

    Every web process gives the same figures: attempts, latency, pending deliveries, open circuits. Raises
    `django.db.Error`.
    """

    def describe(self) -> Iterator[Metric]:
        return iter(())  # nothing is read when it is registered

    def collect(self) -> Iterator[Metric]:
        counters = read_counters()
        attempts = CounterMetricFamily(
            "invenicum_delivery_attempts", "Delivery attempts.", labels=["outcome", "error_class", "fault"]
        )
        for key, count in sorted(counters.attempts.items()):
            attempts.add_metric(f"{key}|".split("|")[:3], count)  # an older version wrote two of the three
        yield attempts
        yield _histogram(counters)
        slow = CounterMetricFamily(
            "invenicum_slow_flow_steps",
            "Steps of deliveries that took more than 50 ms of processor time; their lanes rest.",
            labels=["type"],
        )
        for connector, count in sorted(counters.slow_steps.items()):
            slow.add_metric([connector], count)
        yield slow
        faults = CounterMetricFamily(
            "invenicum_engine_faults",
            "Workers that died, deliveries set aside, secrets that cannot be decrypted, faults that were contained.",
            labels=["kind"],
        )
        for kind in FAULTS:
            faults.add_metric([kind], counters.faults[kind])
        yield faults
        yield from _queue()


def _histogram(counters: Counters) -> HistogramMetricFamily:
    cumulated, buckets = 0, []
    for bound, count in zip([*map(str, LATENCY_SECONDS), "+Inf"], counters.latency, strict=True):
        cumulated += count
        buckets.append((bound, cumulated))
    family = HistogramMetricFamily(
        "invenicum_delivery_latency_seconds", "From an event's publication to the 2xx that ended its delivery."
    )
    family.add_metric([], buckets, counters.latency_sum)
    return family


def _queue() -> Iterator[GaugeMetricFamily]:
    queue = read_queue(timezone.now())
    depth = GaugeMetricFamily(
        "invenicum_deliveries_pending",
        "Deliveries that are due, tried later, held (target wrong, or type held), or wait for their integration.",
        labels=["state"],
    )
    for state in ("due", "later", "held", "waiting"):
        depth.add_metric([state], getattr(queue, state))
    yield depth
    yield GaugeMetricFamily(
        "invenicum_oldest_undelivered_seconds",
        "Age of the oldest delivery that is neither delivered nor given up nor waiting for its owner to act.",
        value=queue.oldest_seconds,
    )
    yield GaugeMetricFamily(
        "invenicum_circuits_open", "Integrations whose circuit breaker is open.", value=queue.circuits_open
    )

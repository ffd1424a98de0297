"""What Prometheus reads: the metrics of every process of this service, and the state of the queue."""

import os
from collections.abc import Iterator

from django.db import DatabaseError
from django.utils import timezone
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from webhooks.models import Delivery


def registry() -> CollectorRegistry:
    """What one scrape reads. With PROMETHEUS_MULTIPROC_DIR: of all processes that share that folder."""
    found = CollectorRegistry()
    found.register(Queue())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(found)  # type: ignore[no-untyped-call]
    else:
        found.register(REGISTRY)
    return found


class Queue(Collector):
    """How much waits to be delivered, and for how long, read from the database at each scrape."""

    def collect(self) -> Iterator[Metric]:
        waiting = Delivery.objects.filter(status=Delivery.Status.PENDING, due_at__isnull=False)
        overdue = waiting.filter(due_at__lte=timezone.now())
        try:
            depth, due = waiting.count(), overdue.count()
            oldest = overdue.order_by("due_at").values_list("due_at", flat=True).first()
        except DatabaseError:
            return  # the gauges go missing, which is what happened
        age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily("invenicum_deliveries_pending", "Deliveries to be tried, now or later.", depth)
        yield GaugeMetricFamily("invenicum_deliveries_due", "Deliveries that could be tried now.", due)
        yield GaugeMetricFamily("invenicum_delivery_oldest_due_seconds", "Age of the longest overdue delivery.", age)

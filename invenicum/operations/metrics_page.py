"""`/metrics`: what Prometheus reads. It comes from the database, so that every web process answers the same."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import structlog
from django.db import Error
from django.db.models import Count
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from integrations.models import Integration
from invenicum.version import VERSION
from invenicum.web.request_counts import DURATION_SECONDS
from oauth_flows.refusals import shares_of_refused_grants
from webhooks.engine.heartbeat import last_drain
from webhooks.engine.metrics import EngineCollector

from .alert_rules import RULES
from .models import Alert, WebCounter

HOOKS = "/webhooks/"

log = structlog.get_logger(__name__)


def metrics_page() -> bytes:
    """The page. If the database cannot be reached it says so, and has nothing else but what is known without it."""
    try:
        return _render(EngineCollector(), StateCollector(), WebCollector(), _Constant(_database_up(1)))
    except Error as error:
        log.warning("database_failed", error=str(error).strip())
        return page_without_database()


def page_without_database() -> bytes:
    return _render(_Constant(_database_up(0)))


class WebCollector(Collector):
    """What the web processes have counted: requests by route, and hooks by type."""

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "invenicum_http_requests", "Answered requests, without probes.", labels=["method", "route", "status"]
        )
        hooks = CounterMetricFamily(
            "invenicum_inbound_hooks", "Requests of services to /webhooks.", labels=["type", "status"]
        )
        buckets: dict[str, dict[str, float]] = {}
        seconds: dict[str, float] = {}
        for name, value in WebCounter.objects.order_by("name").values_list("name", "value"):
            match name.split("|"):
                case ["requests", method, route, status]:
                    requests.add_metric([method, route, status], value)
                    if method == "POST" and route.startswith(HOOKS):
                        hooks.add_metric([route.removeprefix(HOOKS), status], value)
                case ["duration", route, bound]:
                    buckets.setdefault(route, {})[bound] = value
                case ["seconds", route]:
                    seconds[route] = value
        yield requests
        yield hooks
        yield _durations(buckets, seconds)


def _durations(buckets: dict[str, dict[str, float]], seconds: dict[str, float]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "invenicum_http_request_duration_seconds",
        "From a request's head to the head of its answer.",
        labels=["route"],
    )
    for route, counts in buckets.items():
        cumulated, bounds = 0.0, []
        for bound in (*map(str, DURATION_SECONDS), "inf"):
            cumulated += counts.get(bound, 0)
            bounds.append(("+Inf" if bound == "inf" else bound, cumulated))
        family.add_metric([route], bounds, seconds.get(route, 0.0))
    return family


class StateCollector(Collector):
    """How things are: when the engine last looked for work, and how many integrations and grants there are."""

    def collect(self) -> Iterator[Metric]:
        engine = GaugeMetricFamily(
            "invenicum_engine_last_drain_timestamp_seconds", "When a worker last looked for work, in Unix time."
        )
        if moment := last_drain():
            engine.add_metric([], moment.timestamp())
        yield engine
        integrations = GaugeMetricFamily("invenicum_integrations", "Saved integrations.", labels=["type", "status"])
        live = Integration.objects.live().order_by("type", "status").values_list("type", "status")
        for type_, status, count in live.annotate(count=Count("pk")):
            integrations.add_metric([type_, status], count)
        yield integrations
        grants = GaugeMetricFamily("invenicum_oauth_grants", "Connections by OAuth.", labels=["type"])
        refused = GaugeMetricFamily(
            "invenicum_oauth_grants_refused_last_hour",
            "Connections by OAuth that the provider has refused within the last hour.",
            labels=["type"],
        )
        for share in shares_of_refused_grants(timezone.now()):
            grants.add_metric([share.type], share.grants)
            refused.add_metric([share.type], share.refused)
        yield grants
        yield refused
        alerts = GaugeMetricFamily(
            "invenicum_alert", "1 for what the service alerts operators of.", labels=["rule", "subject"]
        )
        begun = set(Alert.objects.open().values_list("rule", "subject"))
        for rule, subject in sorted(begun | {(rule, "") for rule in RULES}):
            alerts.add_metric([rule, subject], int((rule, subject) in begun))
        yield alerts


class _Constant(Collector):
    """What this process knows by itself, with figures that were found before."""

    def __init__(self, *families: Metric):
        self._families = families

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("invenicum_build_info", "Which version runs.", labels=["version", "python"])
        build.add_metric([VERSION, platform.python_version()], 1)
        yield build
        yield from self._families


def _database_up(value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily("invenicum_database_up", "Whether the database answers this process.", value=value)


def _render(*collectors: Collector) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)

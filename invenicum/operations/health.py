"""`/healthz`, `/readyz` and `/metrics`, for probes and monitoring.

They are answered before any other middleware: a probe calls by an address that is not in `ALLOWED_HOSTS`, and must be
answered while the database is down.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from invenicum.celery import app
from invenicum.timestamps import format_timestamp
from webhooks.engine.heartbeat import last_drain
from webhooks.engine.metrics import EngineCollector

# The engine looks for work every few seconds: by the `deliver` loop, or by the sweep that beat sends.
ENGINE_SILENT_AFTER = timedelta(seconds=60)
BROKER_TIMEOUT_SECONDS = 2.0

Answer = Callable[[HttpRequest], HttpResponse]


def answer_probes(get_response: Answer) -> Answer:
    """Middleware: answers probes, and passes on everything else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe() if probe and request.method in ("GET", "HEAD") else get_response(request)

    return middleware


def live() -> HttpResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


def ready() -> HttpResponse:
    """200 if everything that a delivery needs is there, else 503. The body names each part's state."""
    drained_at, database = _ask_database()
    checks = {"database": database, "broker": _ask_broker(), "engine": _judge_engine(drained_at)}
    is_ready = all(state in ("ok", "not used") for state in checks.values())
    body = {
        "status": "ok" if is_ready else "not ready",
        **checks,
        "lastDrain": format_timestamp(drained_at) if drained_at else None,
    }
    return JsonResponse(body, status=200 if is_ready else 503)


def metrics() -> HttpResponse:
    """The engine's figures for Prometheus. They come from the database, so that every web process answers the same."""
    registry = CollectorRegistry()
    registry.register(EngineCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


PROBES = {"/healthz": live, "/readyz": ready, "/metrics": metrics}


def _ask_database() -> tuple[datetime | None, str]:
    try:
        return last_drain(), "ok"
    except DatabaseError:
        return None, "not reachable"


def _ask_broker() -> str:
    if not settings.CELERY_BROKER_URL:
        return "not used"
    with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_SECONDS) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS)
        except (OSError, OperationalError):
            return "not reachable"
    return "ok"


def _judge_engine(drained_at: datetime | None) -> str:
    if drained_at is None:
        return "never seen"
    return "ok" if timezone.now() - drained_at < ENGINE_SILENT_AFTER else "not seen lately"

"""`/healthz`, `/readyz` and `/metrics`, for the machines that watch over this one.

They are answered before anything else looks at the request: a prober calls by an address that is in no
`ALLOWED_HOSTS`, and must get an answer while a database is down.
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

# The engine looks for work at least every few seconds: by the `deliver` loop, or by the sweep that beat sends.
STALE = timedelta(seconds=60)
BROKER_ANSWERS_WITHIN = 2.0  # seconds

Answer = Callable[[HttpRequest], HttpResponse]


def answer_probes(get_response: Answer) -> Answer:
    """Middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe() if probe and request.method in ("GET", "HEAD") else get_response(request)

    return middleware


def live() -> HttpResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


def ready() -> HttpResponse:
    """Everything that a delivery needs is there; 503 where something is not."""
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
    """The engine's figures, for Prometheus. They come from the database, so every web process answers alike."""
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
    with app.connection_for_write(connect_timeout=BROKER_ANSWERS_WITHIN) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_ANSWERS_WITHIN)
        except (OSError, OperationalError):
            return "not reachable"
    return "ok"


def _judge_engine(drained_at: datetime | None) -> str:
    if drained_at is None:
        return "never seen"
    return "ok" if timezone.now() - drained_at < STALE else "not seen lately"

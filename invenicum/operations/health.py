"""`/healthz`, `/readyz` and `/metrics`, for probes and monitoring.

They are answered before any other middleware: a probe calls by an address that is not in `ALLOWED_HOSTS`, and must be
answered while the database is down. The web server answers them before Django, by `probes.py`, which asks the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST

from invenicum.celery import app
from invenicum.timestamps import format_timestamp
from webhooks.engine.heartbeat import Progress, progress

from .metrics_page import metrics_page

# The engine looks for work every few seconds: by the `deliver` loop, or by the sweep that beat sends.
ENGINE_SILENT_AFTER = timedelta(seconds=60)
ENGINE_STILL_MARGIN = timedelta(seconds=15)
BROKER_TIMEOUT_SECONDS = 1.5

Answer = Callable[[HttpRequest], HttpResponse]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found: "ok", "not used", or what is wrong. progress: what the engine did, from the database."""

    state: str
    progress: Progress | None = None


LIVE = {"status": "ok"}
UNKNOWN = Finding("not reachable")


def answer_probes(get_response: Answer) -> Answer:
    """Middleware: answers probes, and passes on everything else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe() if probe and request.method in ("GET", "HEAD") else get_response(request)

    return middleware


def live() -> HttpResponse:
    """This process answers."""
    return JsonResponse(LIVE)


def ready() -> HttpResponse:
    """200 if everything that a delivery needs is there, else 503. The body names each part's state."""
    status, body = conclude({name: ask() for name, ask in CHECKS.items()})
    return JsonResponse(body, status=status)


def conclude(findings: Mapping[str, Finding]) -> tuple[int, dict[str, Any]]:
    """The status and body of `/readyz` for what each of CHECKS has found."""
    progress = findings["database"].progress
    drained_at = progress.last_drain if progress else None
    states = {name: finding.state for name, finding in findings.items()} | {"engine": _judge_engine(progress)}
    is_ready = all(state in ("ok", "not used") for state in states.values())
    body = {
        "status": "ok" if is_ready else "not ready",
        **states,
        "lastDrain": format_timestamp(drained_at) if drained_at else None,
    }
    return 200 if is_ready else 503, body


def metrics() -> HttpResponse:
    """The figures for Prometheus."""
    return HttpResponse(metrics_page(), content_type=CONTENT_TYPE_LATEST)


PROBES = {"/healthz": live, "/readyz": ready, "/metrics": metrics}


def ask_database() -> Finding:
    try:
        return Finding("ok", progress())
    except Error as error:
        log.warning("database_failed", error=str(error).strip())
        return UNKNOWN


def ask_broker() -> Finding:
    if not settings.CELERY_BROKER_URL:
        return Finding("not used")
    limits = {"socket_timeout": BROKER_TIMEOUT_SECONDS, "socket_connect_timeout": BROKER_TIMEOUT_SECONDS}
    with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_SECONDS, transport_options=limits) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS)
        except (OSError, OperationalError):
            return UNKNOWN
    return Finding("ok")


CHECKS = {"database": ask_database, "broker": ask_broker}


def _judge_engine(progress: Progress | None) -> str:
    if progress is None or progress.last_drain is None:
        return "never seen"
    now = timezone.now()
    if now - progress.last_drain >= ENGINE_SILENT_AFTER:
        return "not seen lately"
    # Longer than any attempt takes, a delivery has been due and no attempt has ended.
    still = now - timedelta(seconds=settings.DELIVERY_TIMEOUT) - ENGINE_STILL_MARGIN
    is_late = progress.due_since is not None and progress.due_since < still
    return "stands still" if is_late and (progress.last_outcome or still) <= still else "ok"

"""What the console's overview shows: the newest samples, and short lists of what does not work.

Everything is read from samples and small tables, in a fixed number of statements: the page costs the same however many
deliveries there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Min, Q, Value
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from integrations.models import Integration, ProviderJob
from integrations.registry import CONNECTORS
from invenicum.plots import write_count
from oauth_flows.models import Revocation
from webhooks.engine.heartbeat import workers
from webhooks.engine.metrics import LATENCY_SECONDS
from webhooks.models import Lane, Replay, TypeHold

from . import samples, timeline
from .models import FailureCause, Sample
from .overview_plots import SPANS, Span, make_plots, write_seconds

SERVICE_NAMES = {connector.type: connector.name for connector in CONNECTORS}
ROWS_SHOWN = 10  # of each list
STUCK_AFTER_ATTEMPTS = 3
RECENT = timedelta(minutes=15)  # of the latency in the first figures
# A sample older than this says nothing of now.
SAMPLE_STALE_AFTER = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its unit, what it is, and whether it is bad: `Figure("9 s", "oldest undelivered")`."""

    value: str
    words: str
    tone: str = ""


def service_name(integration_type: str) -> str:
    """What people call a type, e.g. `Google Drive`; the type itself if there is no such connector any more."""
    return SERVICE_NAMES.get(integration_type, integration_type)


def context(span: Span) -> dict[str, Any]:
    """What `operations/overview.html` shows for a span."""
    now = timezone.now()
    taken = samples.since(now - span.whole, span.period)
    minutes = taken if span.period is Sample.Period.MINUTE else samples.since(now - RECENT, Sample.Period.MINUTE)
    newest = minutes[-1] if minutes else None
    is_fresh = newest is not None and now - newest.at < SAMPLE_STALE_AFTER
    return {
        "spans": [(one, one is span) for one in SPANS],
        "figures": list(_figures(minutes)) if is_fresh else [],
        "newest": newest,
        "is_fresh": is_fresh,
        "plots": make_plots(taken, span, now) if taken else [],
        "causes": [(cause, service_name(cause.type)) for cause in FailureCause.objects.all()[:ROWS_SHOWN]],
        "holds": [(hold, service_name(hold.type)) for hold in TypeHold.objects.select_related("by").order_by("since")],
        "endpoints": [(lane, service_name(lane.integration.type)) for lane in _worst_endpoints()],
        "workers": [(worker, now - worker.last_drain < samples.WORKER_SILENT_AFTER) for worker in workers()],
        "replays": [(replay, service_name(replay.integration.type)) for replay in _replays()],
        "jobs": list(_stuck_jobs()),
        "services": list(_services()),
    }


def _figures(minutes: list[Sample]) -> Iterator[Figure]:
    newest = minutes[-1]
    if len(minutes) > 1:
        last = timeline.between(minutes[-2], newest)
        seconds = max((newest.at - minutes[-2].at).total_seconds(), 1)
        yield Figure(f"{_rate(last.outcomes['delivered'] / seconds)}/s", gettext("delivered"))
        before = next((one for one in reversed(minutes) if newest.at - one.at >= RECENT), minutes[0])
        p95 = timeline.percentile(timeline.between(before, newest).latency, LATENCY_SECONDS, 0.95)
        yield Figure("–" if p95 is None else write_seconds(p95), gettext("p95 to the wire"))
    yield Figure(write_count(newest.due + newest.waiting), gettext("due or waiting"))
    yield Figure(write_seconds(newest.oldest_seconds), gettext("oldest undelivered"))
    alive, known = newest.workers_alive, newest.workers_known
    tone = "" if alive and alive == known else "bad"
    words = ngettext("worker alive", "workers alive", known)
    yield Figure(gettext("%(alive)s of %(known)s") % {"alive": alive, "known": known}, words, tone)


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _worst_endpoints() -> list[Lane]:
    failing = Lane.objects.filter(failures__gt=0, integration__deleted_at=None).select_related("integration__owner")
    return list(failing.defer("integration__secrets").order_by("-openings", "-failures")[:ROWS_SHOWN])


def _replays() -> list[Replay]:
    under_way = Replay.objects.filter(Q(finished_at=None) | Q(next_at__isnull=False), cancelled_at=None)
    rows = under_way.select_related("integration__owner").defer("integration__secrets")
    return list(rows.order_by("-id")[:ROWS_SHOWN])


def _stuck_jobs() -> Iterator[dict[str, Any]]:
    stuck = Q(attempt_count__gte=STUCK_AFTER_ATTEMPTS) | Q(due_at=None)
    columns = ("type", "attempt_count", "due_at", "last_error")
    hooks = ProviderJob.objects.filter(stuck).values("kind", *columns)
    revocations = Revocation.objects.filter(stuck).values(*columns, kind=Value("revocation"))
    for jobs in (hooks, revocations):
        for job in jobs.order_by("-attempt_count", "pk")[:ROWS_SHOWN]:
            yield {**job, "service": service_name(job["type"])}


def _services() -> Iterator[dict[str, Any]]:
    """Each type that somebody has connected: how many, how many fail, and how many have to be connected again."""
    must_reconnect = Q(status=Integration.Status.NEEDS_RECONNECT)
    rows = Integration.objects.live().order_by().values("type")
    counted = rows.annotate(
        connected=Count("pk"),
        failing=Count("pk", filter=Q(failing_since__isnull=False)),
        reconnect=Count("pk", filter=must_reconnect),
        refused=Min("grant__refused_at", filter=must_reconnect),
    )
    for row in counted.order_by("-reconnect", "-failing", "-connected", "type"):
        yield {**row, "service": service_name(row["type"])}

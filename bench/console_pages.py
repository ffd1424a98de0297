"""How long the console's pages take beside a million deliveries; `pages` calls it with its own seeding."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from bench.shapes import Table, Target
from invenicum.accounts.models import User
from invenicum.operations import samples
from invenicum.operations.models import Sample
from webhooks.engine.metrics import LATENCY_SECONDS

WANTED_MS = 500
LISTS_WANTED_MS = 1000
OVERVIEW = ("/admin/", "/admin/?span=1h", "/admin/?span=24h", "/admin/?span=14d")
LISTS = (
    "/admin/webhooks/delivery/",
    "/admin/webhooks/delivery/?type=webhook&error_class=http",
    "/admin/webhooks/delivery/?error_class=dns",
    "/admin/webhooks/delivery/?status__exact=failed",
    "/admin/webhooks/delivery/?age=older",
    "/admin/webhooks/delivery/?q=alice",
    "/admin/webhooks/lane/",
    "/admin/integrations/integration/",
    "/admin/actions/retry/?type=webhook&error_class=http&status_code=503",
    "/admin/actions/hold/?type=webhook",
)

# What a page took, in milliseconds, and its bytes: `ask(port, path, cookie)`.
Ask = Callable[[int, str, str], tuple[list[float], int]]


def measure(port: int, ask: Ask) -> tuple[Table, list[Target]]:
    """The pages of the console, asked with an operator's session."""
    _take_samples()
    cookie = _sign_in()
    table = Table("The console beside them", ["page", "ms p50", "ms longest", "KiB"])
    targets = []
    for name, pages, wanted in (("overview", OVERVIEW, WANTED_MS), ("list", LISTS, LISTS_WANTED_MS)):
        medians = {}
        for path in pages:
            took, length = ask(port, path, cookie)
            medians[path] = statistics.median(took)
            table.rows.append([path, medians[path], max(took), length / 1024])
        slowest = max(medians, key=lambda path: medians[path])
        took_ms = medians[slowest]
        words = f"The console's slowest {name} ({slowest}), median"
        targets.append(Target(words, f"≤ {wanted} ms", f"{took_ms:.0f} ms", took_ms <= wanted))
    return table, targets


def _take_samples() -> None:
    """As many samples as are ever kept."""
    now = timezone.now()
    for period, kept in (
        (Sample.Period.MINUTE, samples.MINUTES_KEPT),
        (Sample.Period.QUARTER_HOUR, samples.QUARTER_HOURS_KEPT),
    ):
        step = timedelta(seconds=period)
        rows = [
            Sample(
                at=now - step * place,
                seconds=period,
                attempts={"delivered||": 10**6 - place * 500, "retried|http|service": 10**4 - place},
                latency=[10**5 - place * 20] * (len(LATENCY_SECONDS) + 1),
                due=place % 50,
                oldest_seconds=float(place % 90),
            )
            for place in range(1, kept // step)
        ]
        Sample.objects.bulk_create(rows, ignore_conflicts=True)
    samples.take_due()


def _sign_in() -> str:
    operator = User.objects.create_superuser("operator", "operator@example.com", "operator")
    client = Client()
    client.force_login(operator)
    return f"sessionid={client.cookies['sessionid'].value}"

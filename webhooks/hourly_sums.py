"""The hourly sums of integrations, as plots show them. The engine writes them: `webhooks.engine.hourly_counts`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from .engine.values import SUM_BOUNDS_MS, SUM_COLUMNS
from .models import HourlySum

HOUR = timedelta(hours=1)
P95 = 0.95


@dataclass(frozen=True, slots=True)
class Sum:
    """The attempts of an hour or of several: how many `failed`, and the others by how long they took.

    start: when the first hour began. durations: a count for each of SUM_BOUNDS_MS, and one for what took longer.
    """

    start: datetime
    failed: int
    durations: Sequence[int]

    @property
    def delivered(self) -> int:
        """How many attempts delivered."""
        return sum(self.durations)

    @property
    def p95_ms(self) -> float | None:
        """Within how many milliseconds 95 of 100 of these were answered; None if there are none.

        Within a bound the durations are taken as spread evenly, e.g. 470 for attempts that took from 200 to 500 ms.
        What took longer than the last bound counts as that.
        """
        wanted = P95 * self.delivered
        lower = 0
        for count, upper in zip(self.durations, SUM_BOUNDS_MS, strict=False):
            if count and wanted <= count:
                return lower + (upper - lower) * wanted / count
            wanted -= count
            lower = upper
        return float(lower) if self.delivered else None


def last_hours(integrations: Collection[UUID], hours: int, now: datetime) -> dict[UUID, list[Sum]]:
    """For each integration a sum for each of the last `hours` hours, the present one last. One statement.

    The present hour lacks the last seconds: a process of the engine writes what it counted every two seconds.
    """
    first = now.replace(minute=0, second=0, microsecond=0) - (hours - 1) * HOUR
    empty = [Sum(first + number * HOUR, 0, [0] * (len(SUM_BOUNDS_MS) + 1)) for number in range(hours)]
    found = {integration: list(empty) for integration in integrations}
    rows = HourlySum.objects.filter(integration__in=integrations, hour__gte=first, hour__lte=now)
    for integration, hour, failed, *durations in rows.values_list("integration", "hour", *SUM_COLUMNS):
        found[integration][(hour - first) // HOUR] = Sum(hour, failed, durations)
    return found


def together(sums: Sequence[Sum]) -> Sum:
    """The sum of several hours, which must not be none."""
    durations = [sum(counts) for counts in zip(*(one.durations for one in sums), strict=True)]
    return Sum(sums[0].start, sum(one.failed for one in sums), durations)

"""What happened step by step, from samples: differences of counters, the highest of what is not counted. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

UNBOUNDED = float("inf")


class Figures(Protocol):
    """What is read of a sample: see `invenicum.operations.models.Sample`."""

    @property
    def at(self) -> datetime: ...

    @property
    def seconds(self) -> int: ...

    @property
    def attempts(self) -> Mapping[str, int]: ...

    @property
    def latency(self) -> Sequence[int]: ...

    @property
    def due(self) -> int: ...

    @property
    def later(self) -> int: ...

    @property
    def held(self) -> int: ...

    @property
    def waiting(self) -> int: ...

    @property
    def oldest_seconds(self) -> float: ...

    @property
    def circuits_open(self) -> int: ...


@dataclass(slots=True)
class Step:
    """One step of a timeline. The figures of a moment are the highest within it; None if there is no sample of it.

    `outcomes` are attempts by `delivered`, `retried` and `failed`, `errors` by error class, `latency` by bucket.
    """

    begins: datetime
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)
    due: int | None = None
    later: int | None = None
    held: int | None = None
    waiting: int | None = None
    oldest_seconds: float | None = None
    circuits_open: int | None = None


MOMENTARY = ("due", "later", "held", "waiting", "oldest_seconds", "circuits_open")


def steps(samples: Sequence[Figures], now: datetime, length: timedelta, count: int) -> list[Step]:
    """`count` steps of `length`, the last of which contains `now`, from samples in the order of their times.

    What was counted between two samples belongs to the step in which the second one's period began. A sample before
    the first step serves as the beginning only.
    """
    last = now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % length
    timeline = [Step(last - place * length) for place in range(count - 1, -1, -1)]
    for before, sample in zip([None, *samples], samples, strict=False):
        if (moment := _step_at(timeline, sample.at)) is not None:
            _keep_highest(moment, sample)
        began = sample.at - timedelta(minutes=1) if sample.seconds == 60 else sample.at
        if before is not None and (counted := _step_at(timeline, began)) is not None:
            add_counted(counted, before, sample)
    return timeline


def between(before: Figures, after: Figures) -> Step:
    """What was counted between two samples, as one step."""
    step = Step(before.at)
    add_counted(step, before, after)
    return step


def add_counted(step: Step, before: Figures, after: Figures) -> None:
    """Adds what was counted between two samples to a step. A counter that went back was begun again."""
    for key, total in after.attempts.items():
        known = before.attempts.get(key, 0)
        outcome, error_class, *_ = f"{key}|".split("|")
        number = total - known if total >= known else total
        step.outcomes[outcome] += number
        if error_class:
            step.errors[error_class] += number
    for bucket, total in enumerate(after.latency):
        known = before.latency[bucket] if bucket < len(before.latency) else 0
        step.latency[bucket] += total - known if total >= known else total


def percentile(buckets: Mapping[int, int], bounds: Sequence[float], share: float) -> float | None:
    """The value below which a `share` of what was counted is, e.g. 0.95; None if nothing was counted.

    buckets: numbers by bucket. bounds: the upper ends of all buckets but the last one, which has none. Within a bucket
    values are taken to be spread evenly, as Prometheus' `histogram_quantile` does; of the last one its lower end.
    """
    total = sum(buckets.values())
    if not total:
        return None
    wanted, reached = share * total, 0
    for bucket, upper in enumerate([*bounds, UNBOUNDED]):
        number = buckets.get(bucket, 0)
        if reached + number >= wanted and number:
            lower = bounds[bucket - 1] if bucket else 0.0
            return lower if upper == UNBOUNDED else lower + (upper - lower) * (wanted - reached) / number
        reached += number
    return None


def _step_at(timeline: Sequence[Step], moment: datetime) -> Step | None:
    place = bisect_right(timeline, moment, key=lambda step: step.begins) - 1
    return timeline[place] if place >= 0 else None


def _keep_highest(step: Step, sample: Figures) -> None:
    for name in MOMENTARY:
        known = getattr(step, name)
        value = getattr(sample, name)
        setattr(step, name, value if known is None else max(known, value))

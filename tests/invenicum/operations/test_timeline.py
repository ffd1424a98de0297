from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from invenicum.operations.timeline import Step, between, percentile, steps

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Taken:
    """A sample without a database."""

    at: datetime
    attempts: dict[str, int] = field(default_factory=dict)
    latency: Sequence[int] = (0, 0)
    due: int = 0
    later: int = 0
    held: int = 0
    waiting: int = 0
    oldest_seconds: float = 0.0
    circuits_open: int = 0
    seconds: int = 60


def line(*samples: Taken, count: int = 3, length: timedelta = MINUTE) -> list[Step]:
    return steps(samples, NOON + timedelta(seconds=30), length, count)


def test_what_was_counted_between_two_minutes_belongs_to_the_first_of_them() -> None:
    found = line(
        Taken(NOON - 2 * MINUTE, {"delivered||": 10}),
        Taken(NOON - MINUTE, {"delivered||": 15, "retried|dns|service": 2}),
        Taken(NOON, {"delivered||": 16, "retried|dns|service": 2}),
    )
    assert [step.begins for step in found] == [NOON - 2 * MINUTE, NOON - MINUTE, NOON]
    assert [step.outcomes["delivered"] for step in found] == [5, 1, 0]
    assert found[0].errors == {"dns": 2}


def test_a_missing_sample_loses_nothing() -> None:
    found = line(Taken(NOON - 9 * MINUTE, {"delivered||": 1}), Taken(NOON, {"delivered||": 8}))
    assert sum(step.outcomes["delivered"] for step in found) == 7


def test_a_counter_that_was_begun_again_counts_from_zero() -> None:
    step = between(
        Taken(NOON, {"delivered||": 100}, latency=(100, 0)), Taken(NOON + MINUTE, {"delivered||": 3}, latency=(2, 1))
    )
    assert step.outcomes["delivered"] == 3
    assert step.latency == {0: 2, 1: 1}


def test_of_what_is_not_counted_a_step_has_the_highest_and_none_without_a_sample() -> None:
    found = line(
        Taken(NOON - 5 * MINUTE, due=9), Taken(NOON - 4 * MINUTE, due=3), Taken(NOON, due=1), length=2 * MINUTE
    )
    assert [step.due for step in found] == [3, None, 1]


def test_a_quarter_hour_has_what_happened_in_it() -> None:
    quarter = timedelta(minutes=15)
    found = line(
        Taken(NOON - quarter, {"failed|http|event": 1}, seconds=900),
        Taken(NOON, {"failed|http|event": 4}, seconds=900),
        length=quarter,
    )
    assert [step.outcomes["failed"] for step in found] == [0, 0, 3]


@pytest.mark.parametrize(("share", "value"), [(0.25, 0.5), (0.5, 1.0), (0.625, 1.5), (0.75, 2.0), (0.99, 2.0)])
def test_percentiles_are_read_from_buckets_as_prometheus_does(share: float, value: float) -> None:
    # 2 up to one second, 1 up to two, 1 above: https://prometheus.io/docs/prometheus/latest/querying/functions/
    assert percentile({0: 2, 1: 1, 2: 1}, [1.0, 2.0], share) == value


def test_nothing_has_no_percentile() -> None:
    assert percentile({}, [1.0], 0.5) is None
    assert percentile({0: 0}, [1.0], 0.5) is None

"""Counting in memory, without a query for each request."""

from contextlib import suppress
from typing import Any

import pytest

from invenicum.metering import Estimate, RateMeter
from invenicum.quotas import ASSETS, EVENTS_PER_MINUTE, QuotaExceeded


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Database:
    """What an estimate looks at."""

    def __init__(self, used: int) -> None:
        self.used, self.looks = used, 0

    def __call__(self, account: int) -> int:
        self.looks += 1
        return self.used


@pytest.fixture
def meter(settings: Any) -> RateMeter:
    settings.QUOTA_EVENTS_PER_MINUTE = 60
    meter = RateMeter(EVENTS_PER_MINUTE)
    meter.clock = Clock()
    return meter


def test_an_account_has_a_minute_s_worth_at_once_and_then_what_flows_in(meter: RateMeter) -> None:
    meter.spend({1: 60})
    with pytest.raises(QuotaExceeded) as caught:
        meter.spend({1: 5})
    assert caught.value.retry_after == 5
    assert caught.value.accounts == {1}
    meter.clock.now += 5  # type: ignore[attr-defined]
    meter.spend({1: 5})


def test_of_several_accounts_all_are_counted_or_none(meter: RateMeter) -> None:
    meter.spend({1: 60})
    with pytest.raises(QuotaExceeded) as caught:
        meter.spend({1: 1, 2: 60})
    assert caught.value.accounts == {1}
    meter.spend({2: 60})


def test_more_than_a_minute_s_worth_at_once_is_accepted_and_waited_for(meter: RateMeter) -> None:
    meter.spend({1: 120})
    with pytest.raises(QuotaExceeded) as caught:
        meter.spend({1: 1})
    assert caught.value.retry_after == 61


def test_a_quota_of_zero_is_none(meter: RateMeter, settings: Any) -> None:
    settings.QUOTA_EVENTS_PER_MINUTE = 0
    meter.spend({1: 10**9})


def estimate(database: Database, clock: Clock) -> Estimate:
    return Estimate(ASSETS, database, clock=clock)


def test_an_account_that_adds_little_is_never_looked_at(settings: Any) -> None:
    settings.QUOTA_ASSETS = 1000
    database = Database(0)
    known = estimate(database, Clock())
    for _ in range(9):
        known.check(1, 1)
        known.add(1, 1)
    assert database.looks == 0
    known.check(1, 1)
    assert database.looks == 1


def test_the_limit_is_exact_in_one_process(settings: Any) -> None:
    settings.QUOTA_ASSETS = 1000
    database = Database(0)
    known = estimate(database, Clock())
    accepted = 0
    for _ in range(1100):
        with suppress(QuotaExceeded):
            known.check(1, 1)
            known.add(1, 1)
            database.used += 1
            accepted += 1
    assert accepted == 1000
    assert database.looks <= 120


def test_an_account_above_its_quota_is_looked_at_again_after_a_moment(settings: Any) -> None:
    settings.QUOTA_ASSETS = 10
    database, clock = Database(10), Clock()
    known = estimate(database, clock)
    for _ in range(5):
        with pytest.raises(QuotaExceeded):
            known.check(1, 1)
    assert database.looks == 1
    database.used = 3
    clock.now += 1
    known.check(1, 1)

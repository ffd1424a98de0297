"""When a lane may not send: rate limits, holds, names that do not resolve, and the bytes of large messages."""

from datetime import UTC, datetime

import pytest

from invenicum.events.message import Message
from webhooks.engine.lane_in_use import LANE_CATCH_UP_SECONDS, LANE_STALLED_SECONDS
from webhooks.engine.lanes import LANE_SLEEP_SECONDS, Lanes
from webhooks.engine.large_messages import LargeMessage, choose_large
from webhooks.engine.values import LANE_LARGE_BYTES, Claimed, LaneHealth, LeasedLane

A, B = "a", "b"
RATE = 10
MESSAGE = Message("evt_1", "asset.created", datetime(2026, 3, 7, 10, 30, tzinfo=UTC), b"{}")


def claimed(lane: str, number: int, large_bytes: int = 0) -> Claimed:
    return Claimed(f"{lane}{number}", 0, lane, 1, True, MESSAGE, 0.0, large_bytes)


def leased(next_in: float | None = None, *, rate: float = RATE, now: float = 0.0) -> Lanes:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(0, next_in), now)
    lanes.restrict(A, rate, None)
    return lanes


def test_the_next_worker_keeps_to_the_rate_of_the_one_before() -> None:
    """Each leases the lane for one delivery, as it is with single events and with the events of one asset."""
    sent, next_at, now = 0, None, 0.0
    while now < 10:
        lanes = leased(None if next_at is None else next_at - now, now=now)
        lanes.push(claimed(A, 0))
        if item := lanes.next(now):
            sent += 1
            lanes.finished(item, now, 0.01)
            next_at = lanes.moved_on()[A]
        now += 0.003
    assert sent == pytest.approx(RATE * 10, abs=2)


def test_a_lane_that_was_idle_catches_up_no_more_than_a_moment() -> None:
    lanes = leased(-1000.0)
    for number in range(4):
        lanes.push(claimed(A, number))
    started = [lanes.next(0.0), lanes.next(0.0), lanes.next(0.0)]
    assert [item is not None for item in started] == [True, True, False]
    assert lanes.moved_on()[A] == pytest.approx(2 / RATE - LANE_CATCH_UP_SECONDS)


def test_what_waits_for_a_rate_limit_is_short_and_does_not_count_as_work() -> None:
    lanes = leased(1.0, rate=1.1)
    for number in range(10):
        lanes.push(claimed(A, number))
    assert lanes.waiting == 1
    assert lanes.next(0.0) is None
    assert lanes.moving(0.0) == 0
    assert lanes.wakes_in(0.0) == 1.0
    assert lanes.next(1.0) is not None


def test_a_lane_that_has_to_wait_for_long_is_left_to_a_later_claim() -> None:
    lanes = leased(rate=1 / (LANE_SLEEP_SECONDS + 1))
    lanes.push(claimed(A, 0))
    item = lanes.next(0.0)
    assert item is not None
    lanes.push(claimed(A, 1))
    assert lanes.next(0.2) is None
    assert lanes.waiting == 0
    assert lanes.with_room(64, 10, 0.2) == []
    lanes.finished(item, 0.2, 0.01)
    lanes.written(A, item.id)
    assert lanes.moved_on() == {A: pytest.approx(LANE_SLEEP_SECONDS + 1, abs=LANE_CATCH_UP_SECONDS)}
    assert lanes.drop_empty() == [A]


@pytest.mark.parametrize("succeeds", [True, False])
def test_what_an_endpoint_asked_for_stands_whatever_happens_to_what_was_in_flight(succeeds: bool) -> None:
    lanes = leased()
    lanes.failed(A, 0.0, retry_after=100.0)
    if succeeds:
        assert lanes.succeeded(A, 1.0)
    else:
        lanes.failed(A, 1.0, retry_after=5.0)
    assert lanes.health(A) == LaneHealth(0 if succeeds else 1, 0, 0, 100.0)
    lanes.push(claimed(A, 0))
    assert lanes.with_room(64, 10, 1.0) == []


def test_a_success_closes_an_open_circuit() -> None:
    lanes = leased()
    for _ in range(10):
        lanes.failed(A, 0.0)
    assert lanes.succeeded(A, 1.0)
    assert lanes.health(A) == LaneHealth(0, 0, 0, float("-inf"))
    assert lanes.with_room(64, 10, 1.0) == [A]


def test_a_name_that_does_not_resolve_rests_its_lane_at_once_and_for_longer_each_time() -> None:
    rests = []
    for failures in range(12):
        lanes = Lanes(16)
        lanes.add(A, LeasedLane(failures, openings=max(failures - 9, 0)), 0.0)
        lanes.failed(A, 0.0, unresolved=True)
        rests.append(lanes.health(A).held_until)
    assert rests[:5] == [5, 10, 20, 30, 30]
    assert rests == sorted(rests)
    assert rests[-2:] == [60, 120]


def test_a_lane_that_rests_sends_nothing_before_its_time() -> None:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(0), 0.0)
    lanes.push(claimed(A, 0))
    lanes.rest(A, 2.0)
    assert lanes.next(1.9) is None
    assert lanes.next(2.0) is not None
    assert lanes.moved_on() == {A: 2.0}


def test_the_bytes_of_large_messages_are_counted_until_they_are_sent_or_dropped() -> None:
    lanes = Lanes(1)
    lanes.add(A, LeasedLane(0), 0.0)
    for number in range(3):
        lanes.push(claimed(A, number, 1000))
    assert lanes.large_bytes == 3000
    item = lanes.next(0.0)
    assert item is not None
    lanes.drop_stalled(LANE_STALLED_SECONDS / 2)
    assert lanes.large_bytes == 3000
    lanes.drop_stalled(LANE_STALLED_SECONDS)
    assert (lanes.large_bytes, lanes.waiting) == (1000, 0)
    lanes.finished(item, 2.0, 2.0)
    assert lanes.large_bytes == 0


def test_a_lane_with_many_large_bytes_is_not_refilled() -> None:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(0), 0.0)
    lanes.push(claimed(A, 0, LANE_LARGE_BYTES // 2))
    assert lanes.with_room(64, 10, 0.0) == []


def test_large_messages_of_one_lane_do_not_take_the_room_of_another() -> None:
    half = LANE_LARGE_BYTES // 2
    many = [LargeMessage(f"{A}{number}", A, half) for number in range(70)]
    few = [LargeMessage(f"{B}{number}", B, half) for number in range(1)]
    assert choose_large([*many, *few], 10 * LANE_LARGE_BYTES) == {"a0", "a1", "b0"}


def test_no_more_large_messages_are_read_than_there_is_room_for_and_each_lane_has_its_chance() -> None:
    messages = [LargeMessage(f"lane-{number}", f"lane-{number}", 1000) for number in range(20)]
    seen: set[str] = set()
    for _ in range(500):
        chosen = choose_large(messages, 3500)
        assert len(chosen) == 3
        seen |= chosen
    assert len(seen) == 20


def test_a_message_larger_than_the_share_of_its_lane_is_read_alone() -> None:
    messages = [LargeMessage(f"{A}{number}", A, 2 * LANE_LARGE_BYTES) for number in range(3)]
    assert choose_large(messages, 10 * LANE_LARGE_BYTES) == {"a0"}

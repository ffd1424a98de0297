from datetime import UTC, datetime

from invenicum.events.message import Message
from webhooks.engine.lane_in_use import BACKLOG_PER_SLOT, LANE_FIRST_LIMIT, LANE_REFILL_SECONDS, LANE_STALLED_SECONDS
from webhooks.engine.lanes import (
    SLOW_ATTEMPT_SECONDS,
    Lanes,
)
from webhooks.engine.values import Claimed, LeasedLane

NOW = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
A, B = "a", "b"


def claimed(lane: str, number: int) -> Claimed:
    message = Message("evt_1", "asset.created", NOW, b"{}")
    return Claimed(f"{lane}{number}", 0, lane, 1, True, message, 0.0)


def lanes_with(*, concurrency: int, **counts: int) -> Lanes:
    lanes = Lanes(concurrency)
    lanes.add(A, LeasedLane(0), 0.0)
    lanes.add(B, LeasedLane(0), 0.0)
    for lane, count in zip((A, B), (counts.get("a", 0), counts.get("b", 0)), strict=True):
        for number in range(count):
            lanes.push(claimed(lane, number))
    return lanes


def take_all(lanes: Lanes) -> list[Claimed]:
    taken = []
    while item := lanes.next(0.0):
        taken.append(item)
    return taken


def answer(lanes: Lanes, item: Claimed, seconds: float = 0.01, delay: float = 0.0) -> None:
    """The endpoint accepts a delivery after `seconds`, and the worker notices it up to `delay` later."""
    lanes.finished(item, 0.0, seconds, delay)
    lanes.succeeded(item.integration_id, 0.0)


def test_lanes_are_served_in_turn() -> None:
    lanes = lanes_with(concurrency=10, a=5, b=2)
    for item in take_all(lanes):
        answer(lanes, item)
    for number in range(5, 7):
        lanes.push(claimed(B, number))
    assert [item.integration_id for item in take_all(lanes)] == [A, B, A, B, A]


def test_a_lane_has_only_so_many_deliveries_in_flight() -> None:
    lanes = lanes_with(concurrency=2, a=5)
    first = take_all(lanes)
    assert len(first) == 2
    lanes.finished(first[0], 0.0, 0.01)
    assert len(take_all(lanes)) == 1


def test_a_lane_that_is_full_does_not_hold_up_another() -> None:
    taken = take_all(lanes_with(concurrency=1, a=100, b=1))
    assert [item.integration_id for item in taken] == [A, B]


def test_within_a_lane_the_order_is_kept() -> None:
    lanes = lanes_with(concurrency=1, a=3)
    order = []
    while item := lanes.next(0.0):
        order.append(int(item.id[1:]))
        lanes.finished(item, 0.0, 0.01)
    assert order == [0, 1, 2]


def test_a_delivery_is_kept_until_it_is_written() -> None:
    lanes = lanes_with(concurrency=1, a=1)
    item = lanes.next(0.0)
    assert item is not None
    lanes.finished(item, 0.0, 0.01)
    assert lanes.unwritten([A]) == [item.id]
    assert list(lanes.drop_empty()) == [B]
    lanes.written(A, item.id)
    assert list(lanes.drop_empty()) == [A]
    assert len(lanes) == 0


def test_what_was_not_started_can_be_dropped() -> None:
    lanes = lanes_with(concurrency=1, a=3, b=1)
    started = lanes.next(0.0)
    assert started is not None
    lanes.drop_backlog(A)
    assert lanes.unwritten([A]) == [started.id]
    assert [item.integration_id for item in take_all(lanes)] == [B]
    lanes.finished(started, 0.0, 0.01)
    assert lanes.next(0.0) is None


def test_a_lane_whose_backlog_was_dropped_can_be_filled_again() -> None:
    lanes = lanes_with(concurrency=2, a=2)
    lanes.drop_backlog(A)
    lanes.push(claimed(A, 7))
    assert [int(item.id[1:]) for item in take_all(lanes)] == [7]


def test_lanes_with_room_are_those_whose_backlog_is_short() -> None:
    lanes = lanes_with(concurrency=1, a=3, b=1)
    assert lanes.with_room(2, 10, 0.0) == [B]
    assert lanes.waiting == 4


def test_what_a_lane_may_have_in_flight_grows_with_success_and_halves_with_failure() -> None:
    lanes = lanes_with(concurrency=16, a=100)
    taken = take_all(lanes)
    assert len(taken) == LANE_FIRST_LIMIT
    answer(lanes, taken[0])
    assert len(take_all(lanes)) == 2
    answer(lanes, taken[1])
    assert len(take_all(lanes)) == 2
    lanes.failed(A, 0.0)
    lanes.failed(A, 0.0)
    lanes.finished(claimed(A, 0), 0.0, 0.01)
    assert take_all(lanes) == []


def among_many(count: int) -> Lanes:
    """A lane with so many deliveries among a hundred others, which have none."""
    lanes = Lanes(16)
    for lane in (*map(str, range(100)), A):
        lanes.add(lane, LeasedLane(0), 0.0)
    for number in range(count):
        lanes.push(claimed(A, number))
    return lanes


def test_a_lane_whose_answers_wait_for_the_worker_gets_no_more_connections() -> None:
    lanes = among_many(64)
    for _ in range(40):
        for item in take_all(lanes):
            answer(lanes, item, seconds=0.01, delay=0.008)
            lanes.push(claimed(A, 100 + int(item.id[1:])))
    assert len(take_all(lanes)) == LANE_FIRST_LIMIT


def test_a_lane_gets_no_more_connections_than_it_needs() -> None:
    lanes = among_many(0)
    for number in range(40):  # one after the other
        lanes.push(claimed(A, number))
        for item in take_all(lanes):
            answer(lanes, item)
    for number in range(100, 120):  # and then many at once
        lanes.push(claimed(A, number))
    assert len(take_all(lanes)) == LANE_FIRST_LIMIT


def test_a_lane_keeps_to_its_rate_and_may_catch_up_a_little() -> None:
    lanes = lanes_with(concurrency=50, b=1)
    for _ in range(48):
        lanes.succeeded(A, 0.0)  # so that there is room for all in the backlog
    for number in range(40):
        lanes.push(claimed(A, number))
    lanes.restrict(A, 10, None)

    def taken_at(now: float) -> int:
        count = 0
        while item := lanes.next(now):
            count += item.integration_id == A
            answer(lanes, item)
        return count

    assert taken_at(100.0) == 2  # one at once, and one that a tenth of a second earlier would have allowed
    assert lanes.wakes_in(100.0) > 0
    assert taken_at(100.05) == 0
    assert sum(taken_at(100 + tick / 100) for tick in range(5, 201)) == 20


def test_a_type_that_takes_one_at_a_time_gets_one_at_a_time() -> None:
    lanes = lanes_with(concurrency=16)
    lanes.restrict(A, None, 1)
    for number in range(5):
        lanes.push(claimed(A, number))
    assert len(take_all(lanes)) == 1
    lanes.succeeded(A, 0.0)
    assert take_all(lanes) == []


def test_the_backlog_of_a_lane_is_short_until_its_endpoint_has_accepted_more() -> None:
    lanes = lanes_with(concurrency=16, a=100)
    assert len(lanes.unwritten([A])) == BACKLOG_PER_SLOT * LANE_FIRST_LIMIT
    assert lanes.with_room(64, 10, 0.0) == [B]
    for _ in range(14):
        lanes.succeeded(A, 0.0)
    assert lanes.with_room(64, 10, 0.0) == [A, B]


def test_what_waits_behind_an_endpoint_that_hangs_does_not_count_as_moving() -> None:
    lanes = lanes_with(concurrency=1, a=3, b=3)
    assert lanes.moving(0.5) == 6
    item, hangs = lanes.next(0.5), lanes.next(0.5)
    assert item is not None
    assert hangs is not None
    lanes.finished(item, 1.5, 1.0)
    assert lanes.moving(2.0) == 2


def test_what_waits_for_the_worker_counts_as_moving_however_long() -> None:
    lanes = lanes_with(concurrency=1, a=3)
    assert lanes.moving(10.0) == 3
    assert lanes.next(10.0) is not None
    assert lanes.moving(10.5) == 2


def test_with_only_quick_no_lane_that_failed_hangs_or_was_slow_is_served() -> None:
    lanes = Lanes(1)
    for lane, failures in ((A, 0), (B, 0), ("failed", 1), ("hangs", 0)):
        lanes.add(lane, LeasedLane(failures), 0.0)
        for number in range(3):
            lanes.push(claimed(lane, number))
    for item in take_all(lanes):
        if item.integration_id != "hangs":
            lanes.finished(item, 0.5, SLOW_ATTEMPT_SECONDS if item.integration_id == B else 0.01)
    lanes.only_quick = True
    lanes.finished(claimed("hangs", 0), 0.5, SLOW_ATTEMPT_SECONDS)
    assert [item.integration_id for item in take_all(lanes)] == [A]


def test_with_only_quick_no_lane_is_served_whose_endpoint_has_not_responded_for_a_while() -> None:
    lanes = lanes_with(concurrency=2, a=2, b=1)
    assert lanes.next(0.0) == claimed(A, 0)
    lanes.only_quick = True
    assert lanes.next(LANE_STALLED_SECONDS) == claimed(B, 0)
    assert lanes.next(LANE_STALLED_SECONDS) is None


def test_a_lane_is_not_refilled_after_a_while_so_that_another_worker_can_take_it() -> None:
    lanes = lanes_with(concurrency=1, a=1, b=1)
    assert lanes.with_room(64, 10, LANE_REFILL_SECONDS / 2) == [A, B]
    assert lanes.with_room(64, 10, LANE_REFILL_SECONDS) == []


def test_lanes_share_all_the_requests_that_the_worker_wants_in_flight() -> None:
    lanes = Lanes(16)
    for lane in (*(f"other-{number}" for number in range(99)), A):
        lanes.add(lane, LeasedLane(0), 0.0)
    for limit, in_flight in ((100, 2), (600, 6)):
        lanes.in_flight_limit = limit
        for number in range(8):  # each success allows one more
            lanes.push(claimed(A, number))
            item = lanes.next(0.0)
            assert item is not None
            answer(lanes, item, seconds=0.3)
            lanes.written(A, item.id)
        for number in range(10, 30):
            lanes.push(claimed(A, number))
        taken = take_all(lanes)
        assert len(taken) == in_flight
        lanes.drop_backlog(A)
        for item in taken:
            answer(lanes, item, seconds=0.3)
            lanes.written(A, item.id)

"""The circuit of a lane: what opens it, and how it is probed."""

from tests.webhooks.engine.test_lanes import A, claimed, lanes_with, take_all
from webhooks.engine.lanes import Lanes
from webhooks.engine.values import LaneHealth, LeasedLane


def test_after_ten_failures_in_a_row_the_circuit_opens() -> None:
    lanes = lanes_with(concurrency=16, a=100)
    results = []
    for _ in range(10):
        lanes.failed(A, 0.0)
        results.append(lanes.health(A))
    assert results[-2:] == [LaneHealth(9, 0, 0, 0.0), LaneHealth(10, 1, 0, 30.0)]
    assert take_all(lanes) == []
    assert lanes.unwritten([A]) == []
    lanes.failed(A, 1.0)  # what was in flight when it opened
    assert lanes.health(A) == LaneHealth(10, 1, 0, 30.0)


def test_a_half_open_circuit_begins_with_one_probe() -> None:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(10, openings=1), 0.0)
    for number in range(5):
        lanes.push(claimed(A, number))
    assert len(take_all(lanes)) == 1
    lanes.failed(A, 0.0)
    assert lanes.health(A) == LaneHealth(11, 2, 0, 60.0)


def test_a_probe_that_succeeds_ends_the_row_of_failures() -> None:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(10, openings=1), 0.0)
    lanes.push(claimed(A, 0))
    item = lanes.next(0.0)
    assert item is not None
    assert lanes.succeeded(A, 0.0) is True
    assert lanes.succeeded(A, 0.0) is False
    assert lanes.health(A).failures == 0


def test_after_three_refusals_of_its_target_in_a_row_a_lane_is_held_and_then_probed_more_and_more_rarely() -> None:
    lanes, rests = lanes_with(concurrency=16, a=100), []
    for _ in range(3):
        assert lanes.health(A).openings == 0
        lanes.failed(A, 0.0, "target")
    assert lanes.health(A) == LaneHealth(3, 1, 0, 30.0)
    for openings in range(1, 8):
        lanes = Lanes(16)
        lanes.add(A, LeasedLane(2 + openings, openings=openings), 0.0)
        lanes.failed(A, 0.0, "target")
        rests.append(lanes.health(A).held_until)
    assert rests == [60, 120, 300, 600, 1800, 1800, 1800]


def test_a_refusal_of_its_target_between_successes_holds_no_lane() -> None:
    lanes = lanes_with(concurrency=16, a=100)
    for _ in range(10):
        lanes.failed(A, 0.0, "target")
        lanes.failed(A, 0.0, "target")
        lanes.succeeded(A, 0.0)
    assert lanes.health(A).openings == 0


def test_a_lane_that_is_held_stays_held_whatever_its_probe_fails_of() -> None:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(3, openings=1), 0.0)
    lanes.failed(A, 0.0)
    assert lanes.health(A) == LaneHealth(4, 2, 0, 60.0)


def test_refused_events_hold_no_lane_and_are_counted_until_one_is_accepted() -> None:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(0, rejections=7), 0.0)
    lanes.rejected(A)
    assert lanes.health(A) == LaneHealth(0, 0, 8, float("-inf"))
    assert lanes.succeeded(A, 0.0) is True
    assert lanes.health(A).rejections == 0

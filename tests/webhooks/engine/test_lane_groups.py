"""Which deliveries of a lane one flow sends together. Times are seconds."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from invenicum.events.message import Message
from webhooks.engine.lanes import Lanes
from webhooks.engine.values import (
    GROUP_MOST_BYTES,
    GROUP_MOST_DELIVERIES,
    LARGE_MESSAGE_BYTES,
    Claimed,
    Group,
    LeasedLane,
)

A = "a"
PLENTY = 1000


def claimed(number: int, *, attempts: int = 0, crashes: int = 0, size: int = 10) -> Claimed:
    message = Message(f"evt_{number}", "asset.created", datetime(2026, 3, 7, tzinfo=UTC), b"x" * size)
    large = size if size > LARGE_MESSAGE_BYTES else 0
    return Claimed(f"{A}{number}", attempts, A, 1, True, message, 0.0, large, crashes)


def lanes_with(
    deliveries: Iterable[Claimed], *, rate: float | None = None, at_once: int = 50, failures: int = 0
) -> Lanes:
    lanes = Lanes(16)
    lanes.add(A, LeasedLane(failures), 0.0)
    lanes.restrict(A, rate, None, at_once)
    for delivery in deliveries:
        lanes.push(delivery)
    return lanes


def numbers(lanes: Lanes, most: int = PLENTY, now: float = 0.0) -> list[str]:
    """The ids of what the next flow sends."""
    first = lanes.next(now)
    assert first is not None
    together = lanes.together(first, now, most)
    return [item.id for item in together.deliveries] if isinstance(together, Group) else [together.id]


def test_what_waits_goes_together_in_order_and_counts_as_one_in_flight() -> None:
    lanes = lanes_with([claimed(number) for number in range(7)], at_once=5)
    first = lanes.next(0.0)
    assert first is not None
    group = lanes.together(first, 0.0, PLENTY)
    assert isinstance(group, Group)
    assert [item.id for item in group.deliveries] == ["a0", "a1", "a2", "a3", "a4"]
    assert (group.id, group.integration_id) == ("a0a1a2a3a4", A)
    assert lanes.waiting == 2
    assert numbers(lanes) == ["a5", "a6"], "the first limit is two flows"
    lanes.finished(group, 1.0, 1.0)
    assert lanes.unwritten([A]) != [], "none of them is claimed again before it is written"
    for number in range(7):
        lanes.written(A, f"a{number}")
    assert lanes.unwritten([A]) == []


@pytest.mark.parametrize("at_once", [1, 50])
def test_a_connector_that_takes_one_at_a_time_gets_one_at_a_time(at_once: int) -> None:
    lanes = lanes_with([claimed(number) for number in range(3)], at_once=at_once)
    assert len(numbers(lanes)) == min(at_once, 3)
    assert lanes.has_groups == (at_once > 1)


def test_what_was_tried_before_goes_alone_to_find_the_one_at_fault() -> None:
    deliveries = [claimed(0, attempts=1), claimed(1, crashes=1), claimed(2), claimed(3), claimed(4, attempts=1)]
    lanes = lanes_with(deliveries)
    found = []
    while lanes.has_ready and (first := lanes.next(0.0)):
        together = lanes.together(first, 0.0, PLENTY)
        found.append([item.id for item in together.deliveries] if isinstance(together, Group) else [together.id])
        lanes.finished(together, 0.0, 0.1)
    assert found == [["a0"], ["a1"], ["a2", "a3"], ["a4"]]


def test_a_lane_that_fails_is_probed_with_one() -> None:
    lanes = lanes_with([claimed(number) for number in range(5)], failures=1)
    assert numbers(lanes) == ["a0"]


def test_a_group_is_bounded_by_messages_and_their_bytes() -> None:
    many = [claimed(number) for number in range(2 * GROUP_MOST_DELIVERIES)]
    assert len(numbers(lanes_with(many, at_once=5000))) == GROUP_MOST_DELIVERIES
    assert len(numbers(lanes_with(many, at_once=5000), most=30)) == 30
    large = [claimed(number, size=GROUP_MOST_BYTES // 4) for number in range(9)]
    lanes = lanes_with(large)
    assert lanes.large_bytes == 9 * (GROUP_MOST_BYTES // 4)
    first = lanes.next(0.0)
    assert first is not None
    group = lanes.together(first, 0.0, PLENTY)
    assert isinstance(group, Group)
    assert len(group.deliveries) == 4
    assert lanes.large_bytes == 9 * (GROUP_MOST_BYTES // 4), "in flight they take memory all the same"
    lanes.finished(group, 1.0, 1.0)
    assert lanes.large_bytes == 5 * (GROUP_MOST_BYTES // 4)


def test_groups_keep_to_the_rate() -> None:
    """A hundred a second, for three seconds."""
    lanes, sent, now, number = lanes_with([], rate=100), 0, 0.0, 0
    while now < 3:
        while lanes.waiting < 40:
            lanes.push(claimed(number))
            number += 1
        while lanes.has_ready and (first := lanes.next(now)):
            together = lanes.together(first, now, PLENTY)
            deliveries = together.deliveries if isinstance(together, Group) else [together]
            sent += len(deliveries)
            lanes.finished(together, now, 0.001)
            for delivery in deliveries:
                lanes.written(A, delivery.id)
        now += 0.02
    assert sent == pytest.approx(300, abs=15)


def test_a_lane_with_groups_keeps_enough_ready_for_the_next_one_but_counts_as_little_work() -> None:
    lanes = lanes_with([claimed(number) for number in range(60)])
    assert lanes.with_room(32, 10, 0.0) == []
    assert lanes.moving(0.0) == 2
    numbers(lanes)
    assert lanes.with_room(32, 10, 0.0) == [A]

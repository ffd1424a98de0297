from datetime import UTC, datetime
from uuid import UUID

from invenicum.events.message import Message
from webhooks.lanes import Lanes
from webhooks.queue import Claimed

NOW = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)


def claimed(lane: UUID, number: int) -> Claimed:
    return Claimed(
        UUID(int=lane.int * 1000 + number), 0, lane, NOW, True, Message("evt_1", "asset.created", NOW, b"{}")
    )


def lanes_with(*, concurrency: int, **counts: int) -> Lanes:
    lanes = Lanes(concurrency)
    lanes.add([A, B])
    for lane, count in zip((A, B), (counts.get("a", 0), counts.get("b", 0)), strict=True):
        for number in range(count):
            lanes.push(claimed(lane, number))
    return lanes


def take_all(lanes: Lanes) -> list[Claimed]:
    taken = []
    while item := lanes.next():
        taken.append(item)
    return taken


def test_lanes_are_served_in_turn() -> None:
    taken = take_all(lanes_with(concurrency=10, a=3, b=2))
    assert [item.integration_id for item in taken] == [A, B, A, B, A]


def test_a_lane_has_only_so_many_under_way_at_once() -> None:
    lanes = lanes_with(concurrency=2, a=5)
    first = take_all(lanes)
    assert len(first) == 2
    lanes.finished(first[0])
    assert len(take_all(lanes)) == 1


def test_a_lane_that_is_full_does_not_hold_up_another() -> None:
    taken = take_all(lanes_with(concurrency=1, a=100, b=1))
    assert [item.integration_id for item in taken] == [A, B]


def test_within_a_lane_the_order_is_kept() -> None:
    lanes = lanes_with(concurrency=1, a=3)
    order = []
    while item := lanes.next():
        order.append(item.id.int % 1000)
        lanes.finished(item)
    assert order == [0, 1, 2]


def test_a_delivery_is_held_until_it_is_written() -> None:
    lanes = lanes_with(concurrency=1, a=1)
    item = lanes.next()
    assert item is not None
    lanes.finished(item)
    assert lanes.held([A]) == [item.id]
    assert lanes.drop_empty() == [B]
    lanes.written(A, item.id)
    assert lanes.drop_empty() == [A]
    assert len(lanes) == 0


def test_what_was_not_started_can_be_let_go() -> None:
    lanes = lanes_with(concurrency=1, a=3, b=1)
    started = lanes.next()
    assert started is not None
    lanes.drop_backlog(A)
    assert lanes.held([A]) == [started.id]
    assert [item.integration_id for item in take_all(lanes)] == [B]
    lanes.finished(started)
    assert lanes.next() is None


def test_a_lane_that_was_let_go_can_be_filled_again() -> None:
    lanes = lanes_with(concurrency=2, a=2)
    lanes.drop_backlog(A)
    lanes.push(claimed(A, 7))
    assert [item.id.int % 1000 for item in take_all(lanes)] == [7]


def test_lanes_with_room_are_those_whose_backlog_is_short() -> None:
    lanes = lanes_with(concurrency=1, a=3, b=1)
    assert lanes.with_room(2, 10) == [B]
    assert lanes.waiting() == 4

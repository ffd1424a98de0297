"""The limit of requests in flight, tried on a model of a worker, of endpoints and of what is behind them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest

from webhooks.engine.in_flight_limit import LEAST_IN_FLIGHT, MOST_IN_FLIGHT, InFlightLimit, usual_seconds

TURN_SECONDS = 0.005
ENDPOINTS = 500


@dataclass
class Model:
    """A worker that always has more to send, in turns of TURN_SECONDS.

    `thread`: requests a second that its thread can handle. `answer_seconds`: how long endpoints take. `behind`:
    requests a second that what is behind all of them can answer. `hanging`: requests that are never answered.
    """

    thread: float = 10_000
    answer_seconds: float = 0.0
    behind: float = float("inf")
    hanging: int = 0
    limit: InFlightLimit = field(default_factory=lambda: InFlightLimit(0.0))
    now: float = 0.0
    waited: float = 0.0
    usual: deque[float] = field(default_factory=lambda: deque([0.0] * ENDPOINTS))
    hang: int = 0
    sent_at: deque[float] = field(default_factory=deque)

    def run(self, seconds: float) -> float:
        """Returns how many requests were answered a second."""
        answered, could_answer, ends = 0, 0.0, self.now + seconds
        while self.now < ends:
            self._send()
            self.now += TURN_SECONDS
            could_answer = could_answer % 1 + min(self.thread, self.behind) * TURN_SECONDS
            done = 0
            while self.sent_at and done < int(could_answer) and self.sent_at[0] + self.answer_seconds <= self.now:
                self._answer(self.now - self.sent_at.popleft())
                done += 1
            answered += done
            self.waited += max(TURN_SECONDS - done / self.thread, 0.0)
            self.limit.adjust(self.now, self.waited)
        return answered / seconds

    def _answer(self, seconds: float) -> None:
        self.limit.ended(self.now, seconds)
        usual = self.usual.popleft()
        self.limit.answered(seconds, min((usual or seconds) / seconds, 1.0))
        self.usual.append(usual_seconds(usual, seconds))

    def _send(self) -> None:
        while self.limit.has_room(len(self.sent_at) + self.hang):
            self.limit.started(self.now)
            if self.hang < self.hanging:
                self.hang += 1
            else:
                self.sent_at.append(self.now)
        self.limit.reached()


def test_endpoints_that_answer_at_once_get_few_requests_at_once() -> None:
    model = Model()
    model.limit.value = MOST_IN_FLIGHT
    model.run(5)
    assert model.limit.value == LEAST_IN_FLIGHT
    assert model.run(5) >= 0.95 * model.thread


def test_endpoints_that_answer_late_get_as_many_as_the_thread_can_handle() -> None:
    model = Model(thread=5000, answer_seconds=0.3)  # 1,500 at once
    model.run(3)
    assert model.run(10) >= 0.95 * model.thread
    assert 1400 <= model.limit.value < MOST_IN_FLIGHT


def test_the_limit_grows_to_the_most_in_a_second_if_even_that_leaves_time() -> None:
    model = Model(answer_seconds=0.3)  # 3,000 at once would be needed
    model.run(1)
    assert model.limit.value == MOST_IN_FLIGHT
    model.run(30)
    assert model.limit.value == MOST_IN_FLIGHT


def test_it_follows_endpoints_that_become_slower_and_quicker() -> None:
    model = Model(thread=4000)
    model.run(3)
    model.answer_seconds = 0.3
    model.run(5)
    assert model.run(5) >= 0.9 * model.thread
    model.answer_seconds = 0.0
    model.run(5)
    assert model.limit.value == LEAST_IN_FLIGHT


@pytest.mark.parametrize("rate", [1000, 4000])
def test_what_is_behind_all_endpoints_is_not_flooded(rate: int) -> None:
    model = Model(answer_seconds=0.01, behind=rate)
    values = []
    for _ in range(40):
        assert model.run(1) >= 0.95 * rate
        values.append(model.limit.value)
    assert max(values) <= MOST_IN_FLIGHT / 2


def test_endpoints_that_hang_take_nothing_from_others() -> None:
    quiet = Model(thread=2000, answer_seconds=0.1)
    quiet.run(3)
    attacked = Model(thread=2000, answer_seconds=0.1, hanging=1500)
    attacked.run(3)
    assert attacked.run(5) >= 0.95 * quiet.run(5)
    assert attacked.limit.value <= 2 * quiet.limit.value


def test_nothing_is_learned_while_there_is_nothing_more_to_send() -> None:
    limit = InFlightLimit(0.0)
    for turn in range(1, 2000):
        limit.started(turn * TURN_SECONDS)
        limit.ended(turn * TURN_SECONDS, 0.0)
        limit.adjust(turn * TURN_SECONDS, waited=turn * TURN_SECONDS)
    assert limit.value == LEAST_IN_FLIGHT


def test_there_are_never_more_in_flight_than_connections() -> None:
    limit = InFlightLimit(0.0, most=20)
    assert limit.value == 20
    assert limit.has_room(19)
    assert not limit.has_room(20)

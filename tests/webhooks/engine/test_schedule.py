import pytest

from webhooks.engine.schedule import next_delay

SCHEDULE = (0.0, 5.0, 300.0)


def test_the_next_try_waits_as_the_schedule_says() -> None:
    assert next_delay(1, SCHEDULE, None, 0.5) == 5
    assert next_delay(2, SCHEDULE, None, 0.5) == 300


def test_there_is_no_attempt_after_the_last() -> None:
    assert next_delay(3, SCHEDULE, None, 0.5) is None
    assert next_delay(3, SCHEDULE, 10, 0.5) is None


@pytest.mark.parametrize(("chance", "delay"), [(0.0, 270), (0.75, 315), (0.999999, 330)])
def test_the_wait_is_spread_by_a_tenth_in_both_directions(chance: float, delay: float) -> None:
    assert next_delay(2, SCHEDULE, None, chance) == pytest.approx(delay, abs=0.01)


def test_what_the_endpoint_asks_for_is_the_least_wait() -> None:
    assert next_delay(1, SCHEDULE, 120, 0.5) == 120
    assert next_delay(2, SCHEDULE, 120, 0.5) == 300

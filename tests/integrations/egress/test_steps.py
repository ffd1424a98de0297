"""Which steps of flows count as slow: by the processor time that they take, not by the time that passes."""

import time

import pytest

from integrations.core.http import Flow, Request
from integrations.egress.curl import FlowDriver
from integrations.egress.steps import SLOW_STEP_SECONDS, StepMeter
from tests.fakes.http_server import FakeServer


def compute(seconds: float) -> None:
    """Takes so much processor time."""
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_a_step_that_computes_for_long_is_slow() -> None:
    meter: StepMeter[str] = StepMeter()
    meter.begin_turn()
    meter.run("quick", compute, 0.0)
    meter.run("slow", compute, 2 * SLOW_STEP_SECONDS)
    [step] = meter.take_slow()
    assert step.key == "slow"
    assert step.seconds >= 2 * SLOW_STEP_SECONDS
    assert meter.take_slow() == []


def test_a_step_whose_thread_had_to_wait_for_the_processor_is_not_slow() -> None:
    meter: StepMeter[str] = StepMeter()
    meter.run("waits", time.sleep, 2 * SLOW_STEP_SECONDS)
    assert meter.take_slow() == []


def test_a_slow_step_that_fails_is_slow_all_the_same() -> None:
    def fail(_: None) -> None:
        compute(2 * SLOW_STEP_SECONDS)
        raise ValueError

    meter: StepMeter[str] = StepMeter()
    meter.begin_turn()
    with pytest.raises(ValueError):
        meter.run("fails", fail, None)
    assert [step.key for step in meter.take_slow()] == ["fails"]


@pytest.mark.parametrize("before", [True, False], ids=["before the request", "after the response"])
def test_the_driver_notes_the_slow_steps_of_its_flows(before: bool) -> None:
    def flow(url: str) -> Flow[None]:
        if before:
            compute(2 * SLOW_STEP_SECONDS)
        yield Request("GET", url)
        if not before:
            compute(2 * SLOW_STEP_SECONDS)

    with FakeServer(lambda request: (200, {}, b"")) as server, FlowDriver[str]() as driver:
        driver.start("slow", flow(server.url))
        while not driver.poll(10):
            pass
        assert [step.key for step in driver.steps.take_slow()] == ["slow"]

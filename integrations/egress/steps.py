"""Measures how long the steps of flows keep the thread that drives them all. Costs a tenth of a microsecond a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

Key = TypeVar("Key")

SLOW_STEP_SECONDS = 0.05  # of processor time; a usual step takes less than a thousandth of that


class SlowStep(NamedTuple, Generic[Key]):
    """A step of the flow with this key that took `seconds` of the thread's processor time."""

    key: Key
    seconds: float


class StepMeter(Generic[Key]):
    """Runs steps, and notes the slow ones: they delayed all other flows. For one thread."""

    def __init__(self) -> None:
        self._slow: list[SlowStep[Key]] = []
        self._cpu_seconds = time.thread_time()

    def begin_turn(self) -> None:
        """Notes the processor time at a moment after which only steps run, for those that turn out to be slow."""
        self._cpu_seconds = time.thread_time()

    def take_slow(self) -> list[SlowStep[Key]]:
        """The slow steps since the last call."""
        slow = self._slow
        if slow:
            self._slow = []
        return slow

    def run(self, key: Key, step: Callable[[Any], Any], value: Any) -> Any:
        """Returns or raises what `step(value)` does."""
        began = time.perf_counter()
        try:
            return step(value)
        finally:
            seconds = time.perf_counter() - began
            if seconds >= SLOW_STEP_SECONDS:
                self._note(key, seconds)

    def _note(self, key: Key, seconds: float) -> None:
        """The thread may have waited for a processor: that is not the flow's fault."""
        cpu_seconds, before = time.thread_time(), self._cpu_seconds
        self._cpu_seconds = cpu_seconds
        seconds = min(seconds, cpu_seconds - before)
        if seconds >= SLOW_STEP_SECONDS:
            self._slow.append(SlowStep(key, seconds))

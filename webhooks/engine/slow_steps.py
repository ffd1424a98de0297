"""Slows down the lane of a flow that takes much processor time at once: all lanes share the worker's thread."""

from __future__ import annotations

import time

import structlog

from integrations.egress.steps import SlowStep

from .lanes import Lanes
from .metrics import Counters
from .values import Claimed, Group

# A lane rests for so many times what a slow step took: it gets at most a tenth of the thread.
SLOW_STEP_REST_FACTOR = 9

log = structlog.get_logger(__name__)


def slow_down(step: SlowStep[Claimed | Group], connector: str, lanes: Lanes, counters: Counters) -> None:
    """Logs and counts a slow step of a flow of `connector`, e.g. `slack`, and lets its lane rest."""
    lane = step.key.integration_id
    log.warning("flow_step_slow", connector=connector, integration=lane, seconds=round(step.seconds, 3))
    counters.slow_steps[connector] += 1
    lanes.rest(lane, time.monotonic() + SLOW_STEP_REST_FACTOR * step.seconds)

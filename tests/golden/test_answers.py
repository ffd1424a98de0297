"""Compares the answers of every route with those recorded in `answers.json`.

A refactoring changes nothing here. If an answer changes on purpose, record again and check the difference:

    GOLDEN=record .venv/bin/pytest -q tests/golden
    git diff tests/golden/answers.json

A run that records always fails, so that it is not taken for a test.
"""

import os
from typing import Any

import pytest

from . import recording
from .all_areas import AREAS
from .harness import Harness
from .player import play
from .scenario import Area, RequestStep

MAX_SHOWN_DIFFERENCES = 12  # the first one often causes the others


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_each_answer_is_the_recorded_one(area: Area, harness: Harness) -> None:
    answered = play(area.steps, harness)
    if os.environ.get("GOLDEN") == "record":
        _record(area.name, answered)
    found = recording.differences(recording.read().get(area.name, {}), answered)
    assert not found, "\n\n".join([f"{len(found)} answers differ:", *found[:MAX_SHOWN_DIFFERENCES]])


def _record(name: str, answered: dict[str, Any]) -> None:
    assert "PYTEST_XDIST_WORKER" not in os.environ, "Record in one process: all processes would write the same file."
    answers = {**recording.read(), name: answered}
    recording.write({area.name: answers[area.name] for area in AREAS if area.name in answers})
    pytest.fail(f"Recorded {len(answered)} answers. Check the difference, and run again without GOLDEN=record.")


def test_each_recorded_answer_has_a_request() -> None:
    asked = {area.name: [step.title for step in area.steps if isinstance(step, RequestStep)] for area in AREAS}
    assert {name: list(entries) for name, entries in recording.read().items()} == asked

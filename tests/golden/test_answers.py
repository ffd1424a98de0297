"""What every route answers, compared with what it answered when `answers.json` was recorded.

Moving code must change nothing here. Where an answer is meant to change, record anew and look at the difference:

    GOLDEN=record .venv/bin/pytest -q tests/golden
    git diff tests/golden/answers.json

A run that records fails, so that none passes for a test.
"""

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from tests.fakes.http_server import FakeServer

from . import paper
from .player import play
from .requests import AREAS
from .scenario import Area, Ask
from .world import World

SHOWN = 12  # differences: behind the first there are often many that follow from it


@pytest.fixture
def world(
    settings: Any, monkeypatch: pytest.MonkeyPatch, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> Iterator[World]:
    """A database of its own in which transactions end, since the feed of events shows what has been committed."""
    caplog.set_level(logging.ERROR, "django.request")  # a thousand refusals are no news
    cache.clear()
    with FakeServer(lambda request: (200, {}, b"")) as server:
        yield World(settings, monkeypatch, server)
    cache.clear()


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_everything_is_answered_as_recorded(area: Area, world: World) -> None:
    answered = play(area.steps, world)
    if os.environ.get("GOLDEN") == "record":
        _record(area.name, answered)
    found = paper.differences(paper.read().get(area.name, {}), answered)
    assert not found, "\n\n".join([f"{len(found)} answers differ:", *found[:SHOWN]])


def _record(name: str, answered: dict[str, Any]) -> None:
    assert "PYTEST_XDIST_WORKER" not in os.environ, "Record in one process: all write the same file."
    answers = {**paper.read(), name: answered}
    paper.write({area.name: answers[area.name] for area in AREAS if area.name in answers})
    pytest.fail(f"Recorded {len(answered)} answers. Look at the difference, and run again without GOLDEN=record.")


def test_nothing_is_on_record_that_is_not_asked() -> None:
    asked = {area.name: [step.says for step in area.steps if isinstance(step, Ask)] for area in AREAS}
    assert {name: list(entries) for name, entries in paper.read().items()} == asked

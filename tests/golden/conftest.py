import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from tests.fakes.http_server import FakeServer

from .harness import Harness


@pytest.fixture
def harness(
    settings: Any, monkeypatch: pytest.MonkeyPatch, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> Iterator[Harness]:
    """A harness with committed transactions, because the feed shows committed events only."""
    caplog.set_level(logging.ERROR, "django.request")  # a thousand refused requests are expected
    cache.clear()
    with FakeServer(lambda request: (200, {}, b"")) as server:
        yield Harness(settings, monkeypatch, server)
    cache.clear()

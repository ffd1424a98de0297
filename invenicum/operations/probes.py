"""`/healthz`, `/readyz` and `/metrics` for the event loop: they answer whatever the threads that run Django do.

What a probe asks of the database or the broker is asked in a thread of its own, by one request at a time: others that
come meanwhile, and within a second, share its result. So probes cost the same however many ask, and one that hangs
takes nothing from the service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from django.db import close_old_connections
from django.http import HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST

from invenicum.web.answers import Answer, json_answer
from invenicum.web.application import Probe
from invenicum.web.threads import Threads

from . import health
from .metrics_page import page_without_database

Result = TypeVar("Result")

RESULT_SECONDS = 1.0  # for which a result is shared
CHECK_SECONDS = 1.8  # for all checks of /readyz together, which begin at once: an answer within two seconds
SCRAPE_SECONDS = 9.0  # less than Prometheus waits by default


class SharedCheck(Generic[Result]):
    """Calls `ask` in a thread of its own, once for all who want the result at about the same time."""

    def __init__(self, ask: Callable[[], Result], seconds: float):
        self._ask = ask
        self._seconds = seconds
        self._thread = Threads(1, waiting=0, patience=seconds, name="probe")
        self._call: asyncio.Task[Result] | None = None
        self._began_at = self._ended_at = float("-inf")

    async def result(self) -> Result | None:
        """What `ask` returns; None if it takes longer than `seconds`, counted from the beginning of its call."""
        now = asyncio.get_running_loop().time()
        if self._call is None or (self._call.done() and now - self._ended_at > RESULT_SECONDS):
            self._began_at = now
            self._call = asyncio.create_task(self._run())
        done, _ = await asyncio.wait([self._call], timeout=max(0.0, self._began_at + self._seconds - now))
        return self._call.result() if done else None

    async def _run(self) -> Result:
        try:
            return await self._thread.run(self._in_thread)
        finally:
            self._ended_at = asyncio.get_running_loop().time()

    def _in_thread(self) -> Result:
        close_old_connections()
        try:
            return self._ask()
        finally:
            close_old_connections()


def make_probes() -> Mapping[str, Probe]:
    """The probes of this process by path."""
    checks = {name: SharedCheck(ask, CHECK_SECONDS) for name, ask in health.CHECKS.items()}
    scrape = SharedCheck(health.metrics, SCRAPE_SECONDS)

    async def live() -> Answer:
        return json_answer(200, health.LIVE)

    async def ready() -> Answer:
        results = await asyncio.gather(*(check.result() for check in checks.values()))
        findings = {name: result or health.UNKNOWN for name, result in zip(checks, results, strict=True)}
        return json_answer(*health.conclude(findings))

    async def metrics() -> Answer:
        response = await scrape.result()
        return _answer(response or HttpResponse(page_without_database(), content_type=CONTENT_TYPE_LATEST))

    return {"/healthz": live, "/readyz": ready, "/metrics": metrics}


def _answer(response: HttpResponse) -> Answer:
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    return Answer(response.status_code, headers, response.content)

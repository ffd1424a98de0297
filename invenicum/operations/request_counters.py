"""The counts of requests, from the memory of each web process to the database, where `/metrics` reads their sums."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from django.db import Error, close_old_connections, connection, connections

from invenicum.web.request_counts import Counts, RequestCounts
from invenicum.web.threads import Threads

WRITE_INTERVAL_SECONDS = 5.0
NAME_LENGTH = 255

# Adds to the sums. Sorted by name, so that two processes lock the rows in the same order.
ADD = """
INSERT INTO operations_webcounter (name, value) VALUES {rows}
    ON CONFLICT (name) DO UPDATE SET value = operations_webcounter.value + excluded.value
"""

log = structlog.get_logger(__name__)


class RequestCounters:
    """Writes what a web process counts. What cannot be written is kept for the next time."""

    def __init__(self, counts: RequestCounts):
        self._counts = counts
        self._unwritten: Counts = {}  # of the thread that writes

    async def keep_written(self) -> None:
        """Writes every few seconds until it is cancelled, and once more then. Nothing while nothing was counted."""
        thread = Threads(1, waiting=2, patience=float("inf"), name="request-counters")
        try:
            while True:
                await asyncio.sleep(WRITE_INTERVAL_SECONDS)
                await self._write(thread)
        finally:
            await self._write(thread)
            await thread.run(connections.close_all)

    async def _write(self, thread: Threads) -> None:
        taken = self._counts.take()
        if taken or self._unwritten:
            await thread.run(lambda: self._add(taken))

    def _add(self, taken: Counts) -> None:
        for name, value in taken.items():
            self._unwritten[name] = self._unwritten.get(name, 0) + value
        close_old_connections()
        try:
            add(self._unwritten)
            self._unwritten = {}
        except Error as error:
            log.warning("database_failed", error=str(error).strip())
        finally:
            close_old_connections()


def add(counts: Mapping[str, float]) -> None:
    """Adds `counts`, by name, to the sums."""
    values = [part for name, value in sorted(counts.items()) for part in (name[:NAME_LENGTH], value)]
    with connection.cursor() as cursor:
        cursor.execute(ADD.format(rows=", ".join(["(%s, %s)"] * len(counts))), values)

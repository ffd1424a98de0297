"""What one process has counted for the hourly sums of integrations (`models.HourlySum`) and has still to write.

Attempts are counted in memory, and written every two seconds with the heartbeat: a statement for each batch of outcomes
would cost more than the outcomes of lanes with few deliveries. A process that is killed loses two seconds of counts.
"""

from __future__ import annotations

import time
from bisect import bisect_left

import structlog
from django.db import DatabaseError, OperationalError

from invenicum.transactions import bounded, is_locked

from ..models import Delivery
from .database import statements
from .values import SUM_BOUNDS_MS, HourlyCounts, Outcome

log = structlog.get_logger(__name__)


class HourlyCountsOfProcess:
    """Counts attempts by integration and by the hour in which they ended."""

    def __init__(self) -> None:
        self._counts: HourlyCounts = {}

    def count(self, outcome: Outcome) -> None:
        """Counts an attempt: failed ones first, then those that delivered by how long they took."""
        key = (outcome.integration_id, int(time.time()) // 3600)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * (len(SUM_BOUNDS_MS) + 2)
        is_delivered = outcome.status == Delivery.Status.DELIVERED
        counts[1 + bisect_left(SUM_BOUNDS_MS, outcome.duration_ms) if is_delivered else 0] += 1

    def write(self) -> None:
        """Adds the counts to the sums. If a row is locked they stay for the next time; raises if the database fails."""
        if not self._counts:
            return
        try:
            with bounded(durable=False):
                statements().add_to_sums(self._counts)
        except OperationalError as error:
            if not is_locked(error):
                raise
            log.warning("sums_locked", integrations=len(self._counts))
            return
        except DatabaseError as error:
            log.error("sums_refused", integrations=len(self._counts), error=str(error).partition("\n")[0])
        self._counts = {}

"""Chooses the SQL for the database in use. Nothing else in the engine asks which one it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from django.db import connection

from . import portable, postgresql
from .values import (
    Beat,
    Claimed,
    ClaimRequest,
    HourlyCounts,
    IntegrationId,
    LaneState,
    LeasedLane,
    Neighbour,
    NewDelivery,
    Outcome,
    Subscriber,
)


class Statements(Protocol):
    """What `postgresql.py` and `portable.py` both implement."""

    def lease_and_read(
        self, request: ClaimRequest
    ) -> tuple[dict[IntegrationId, LeasedLane], list[Claimed], IntegrationId | None]:
        """Leases free lanes on which something is due, and reads what is due on them and on the worker's own.

        Returns the leased lanes, the deliveries (of those with large messages, as many as fit), and the lane at which
        the search stopped because it had visited as many as one claim may; None if it reached the end.
        """

    def release(self, worker: int, lanes: Collection[IntegrationId]) -> None:
        """Ends the worker's leases of `lanes`: any worker may take them at once."""

    def write_outcomes(self, worker: int, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Writes outcomes to their deliveries and integrations, and an attempt for each.

        A failure counts only if the worker still leases the delivery's lane: else another may be sending it.
        """

    def write_lane_states(self, worker: int, states: Mapping[IntegrationId, LaneState], now: datetime) -> None:
        """Writes failures in a row, holds and when lanes may send next, and since when an integration has failed.

        Only of lanes that the worker still leases.
        """

    def beat(self, beat: Beat) -> tuple[bool, list[Neighbour]]:
        """Writes a heartbeat. Returns whether the worker has a row, without which nothing is written, and the others
        of its machine.
        """

    def add_to_sums(self, counts: HourlyCounts) -> None:
        """Adds to the hourly sums of integrations, always in the same order, so that no two workers lock each other."""

    def subscribers(self, owners: Collection[int]) -> list[Subscriber]:
        """The integrations of these owners that get deliveries: active, or waiting to be connected again."""

    def insert_deliveries(self, deliveries: Sequence[NewDelivery], now: datetime, due_at: datetime) -> None:
        """Inserts pending deliveries, due at `due_at` unless they wait, in the caller's transaction."""

    def due_since(self, now: datetime) -> datetime | None:
        """Since when the delivery has been due that has waited longest among those that could be sent at `now`."""


def statements() -> Statements:
    """The statements for the database in use."""
    return postgresql if connection.vendor == "postgresql" else portable

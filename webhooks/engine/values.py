"""The plain values that the engine's parts pass to each other. Pure.

Ids are texts (`"0190f5a1-…"`, as `str(UUID)` writes them): a `uuid.UUID` costs a microsecond each time it is made,
compared or put into a set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from integrations.core.errors import Fault
from invenicum.events.message import Message

DeliveryId = str
IntegrationId = str  # also the id of the integration's lane
# By integration and hour (hours since 1970): a count for each of SUM_COLUMNS.
HourlyCounts = dict[tuple[IntegrationId, int], list[int]]

NO_LANE: IntegrationId = str(UUID(int=0))  # sorts before every lane
CLAIM_MAX_LANES_VISITED = 2000  # with pending deliveries, in one claim
# Leases go by the database's clock, which all workers share. One that lasts longer than any can was taken before that
# clock was set back.
LANE_LEASE = timedelta(seconds=10)
LONGEST_LANE_LEASE = 2 * LANE_LEASE

# A message of more bytes than this counts as large. What waits and is in flight of others is bounded by its number.
LARGE_MESSAGE_BYTES = 8 * 1024
LANE_LARGE_BYTES = 1024 * 1024  # of one lane in a claim, and at least one message
# What one flow delivers at most: making its request must not keep the thread from the others, nor fill the memory.
GROUP_MOST_DELIVERIES = 200
GROUP_MOST_BYTES = 512 * 1024  # of messages

# How long attempts that delivered took: the upper ends of what the hourly sums tell apart, in milliseconds. The columns
# of `models.HourlySum` after `failed` are these, and one for what took longer.
SUM_BOUNDS_MS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000)
SUM_COLUMNS = ("failed", *(f"within_{bound}_ms" for bound in SUM_BOUNDS_MS), "slower")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def version_of(updated_at: datetime) -> int:
    """The version of an integration that was last saved at `updated_at`: microseconds since 1970."""
    return (updated_at - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker's heartbeat says: the columns of `models.EngineHeartbeat`, `counters` as JSON."""

    worker: str
    last_drain_at: datetime
    last_outcome_at: datetime | None
    counters: str
    mark: int
    machine: str
    process_id: int
    process_started: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another worker of the same machine that has not said that it ended."""

    worker: str
    process_id: int | None
    process_started: int | None


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What a worker asks for: up to `lanes` free lanes, and up to `depth` deliveries of each.

    Lanes are visited in the order of their ids, starting after `after`. `own` are lanes that the worker already
    leases and that have room for more; the deliveries in `exclude` are not read. Lanes that may send within
    `sleep_seconds` are leased as well. Of large messages, at most `large_bytes` are read.
    Leases count for `lease_grace` longer than they last.
    """

    worker: int
    now: datetime
    lanes: int
    depth: int
    after: IntegrationId = NO_LANE
    own: Collection[IntegrationId] = ()
    exclude: Collection[DeliveryId] = ()
    sleep_seconds: float = 0.0
    large_bytes: int = 2**31
    lease_grace: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery for this worker to send. `version` changes whenever the integration's configuration may have."""

    id: DeliveryId
    attempt_count: int
    integration_id: IntegrationId
    version: int
    active: bool
    message: Message
    published_at: float  # Unix seconds
    large_bytes: int = 0  # of its message; 0 if that is not large
    crash_count: int = 0

    @property
    def goes_alone(self) -> bool:
        """Whether it was tried before: if it failed together with others, it may be the one at fault."""
        return self.attempt_count > 0 or self.crash_count > 0


@dataclass(frozen=True, slots=True)
class Group:
    """Deliveries of one integration that one flow sends. `id` are their ids, one after the other."""

    id: str
    integration_id: IntegrationId
    deliveries: Sequence[Claimed]

    @classmethod
    def of(cls, deliveries: Sequence[Claimed]) -> Group:
        return cls("".join(item.id for item in deliveries), deliveries[0].integration_id, deliveries)


@dataclass(frozen=True, slots=True)
class LeasedLane:
    """A lane as it was when it was leased, and in how many seconds it may send next.

    `next_in` is negative if it might have sent earlier, and None if it never had to wait. The rest as in `LaneHealth`.
    """

    failures: int
    next_in: float | None = None
    openings: int = 0
    rejections: int = 0


@dataclass(frozen=True, slots=True)
class LaneHealth:
    """What the last attempts say of a lane: failures in a row, how often the circuit breaker opened meanwhile, and how
    many events were refused since the last success.

    `held_until` is in seconds of the monotonic clock; minus infinity if it was never held.
    """

    failures: int
    openings: int
    rejections: int
    held_until: float


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an integration's deliveries fail: who is at fault, and the sentence of the last attempt, without secrets."""

    fault: Fault
    message: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The lanes that were leased, and deliveries on these and on the worker's own.

    `after` is where the next claim continues: NO_LANE if all lanes have been visited.
    """

    lanes: dict[IntegrationId, LeasedLane]
    deliveries: list[Claimed]
    after: IntegrationId


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt, ready to be written. `due_at` is set if there will be another attempt.

    `counts`: whether it moves the delivery along its retry schedule.
    """

    delivery_id: DeliveryId
    integration_id: IntegrationId
    status: str
    due_at: datetime | None
    error: str
    started_at: datetime
    duration_ms: int
    status_code: int | None
    error_class: str
    response_excerpt: str
    counts: bool = True


@dataclass(frozen=True, slots=True)
class LaneState:
    """What changed about a lane: its counters, until when it is held (None ends a hold), when it may send next.

    With `failures` None, all counters and the hold stay as they are. `next_at` is in seconds of the monotonic clock;
    with None it stays as it is. So does the integration's problem, with None; a delivery that succeeds ends it.
    """

    failures: int | None = None
    openings: int = 0
    rejections: int = 0
    held_until: datetime | None = None
    next_at: float | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An integration that gets deliveries of its owner's events.

    `waits`: they wait until it is connected again. `patterns`: the events that it wants. `ordered`: one of an asset
    after the other.
    """

    owner_id: int
    integration_id: UUID
    waits: bool
    patterns: list[str]
    ordered: bool


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to insert. `waits` keeps it until its integration is active; `order_key` is "" if order is free.

    `sequence` is the event's: it orders deliveries with the same key.
    """

    event_id: UUID
    integration_id: UUID
    owner_id: int
    waits: bool
    order_key: str
    sequence: int


@dataclass
class Drained:
    """What one drain did: attempts by the status they led to. `more` is True if it stopped with work left."""

    counts: Counter[str] = field(default_factory=Counter)
    more: bool = False

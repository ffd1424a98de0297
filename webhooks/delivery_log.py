"""One owner's delivery log as people look at it: filtered, counted and paged, at the same cost however long it is.

Types and states are found in an index, in order. The other filters look through LOOK_DELIVERIES at a time, so that a
page may come back short: it then says from where to look further.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, get_args
from uuid import UUID

from django.db.models import QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform

from integrations.core.errors import ErrorClass
from integrations.models import Integration, IntegrationQuerySet
from invenicum.api.pagination import Cursor
from invenicum.events.models import Event
from invenicum.ids import first_id_at, moment_of

from .log_ranges import IS_DUE, IS_TRIED, IS_UNTRIED, OF_ERROR_CLASS, OF_EVENT, WAITS, Candidates, Conditions
from .models import Delivery

LOOK_DELIVERIES = 5_000  # that one statement looks at if no index has what is asked for
LOOK_ASSET_EVENTS = 2_000  # the newest about an asset whose deliveries are listed
MOST_OF_ASSET = 50_000  # deliveries of these
MOST_RANGES = 60  # parts of a statement, one for each integration and status
COUNT_MOST = 10_000  # above, the exact number helps no one

_Status = Delivery.Status
ERROR_CLASSES: tuple[str, ...] = get_args(ErrorClass)


class State(StrEnum):
    """What people want to know of a delivery. The first four are pending ones."""

    ON_ITS_WAY = "on_its_way"
    RETRYING = "retrying"
    WAITING = "waiting"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def status(self) -> str:
        """Its status in the database, one of `Delivery.Status`."""
        return self.value if self in _ENDED else _Status.PENDING


_ENDED = (State.DELIVERED, State.FAILED, State.CANCELLED)
# What tells the pending ones apart.
_OF_STATE: dict[State, tuple[str, ...]] = {
    State.ON_ITS_WAY: (IS_DUE, IS_UNTRIED),
    State.RETRYING: (IS_DUE, IS_TRIED),
    State.WAITING: (WAITS,),
    State.HELD: (IS_DUE,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which deliveries are listed; an empty one selects all.

    type: of the integration, e.g. `slack`. event: the name, e.g. `asset.created`. error_class: of the last attempt,
    e.g. `timeout`. asset: its id. since, until: deliveries made in [`since`, `until`).
    """

    type: str = ""
    state: State | None = None
    event: str = ""
    error_class: str = ""
    asset: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def integrations_of(self, owner: int) -> IntegrationQuerySet:
        """The integrations of an owner, by primary key, whose deliveries can be selected; deleted ones too."""
        rows = Integration.objects.filter(owner=owner)
        if self.type:
            rows = rows.filter(type=self.type)
        match self.state:
            case State.HELD:
                rows = rows.filter(problem_fault=Integration.Fault.TARGET)
            case State.ON_ITS_WAY | State.RETRYING:
                rows = rows.exclude(problem_fault=Integration.Fault.TARGET)
        return rows

    def to_json(self) -> dict[str, Any]:
        """Those that are set, as a JSON column keeps them."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items() if value
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Filters:
        """The filters of `to_json`."""
        times = {name: datetime.fromisoformat(values[name]) for name in ("since", "until") if name in values}
        states = {"state": State(values["state"])} if "state" in values else {}
        return cls(**{**values, **times, **states})


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries, newest first. `older`, `newer`: where the next and the previous page begin, None if there is none.

    `looked_until`: if older ones have not been looked at, the time up to which all that match are shown.
    """

    rows: Sequence[Delivery]
    older: Cursor | None
    newer: Cursor | None
    looked_until: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all that match, of those that were looked at, are on this page."""
        return self.newer is None and (self.older is None or self.looked_until is not None)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many deliveries match, by status. If not `is_exact`, there are at least so many."""

    by_status: dict[str, int]
    is_exact: bool

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_status.values())


class DeliveryLog:
    """The deliveries of an owner that `filters` select.

    `integration` narrows it to one, whatever its type; `only_live` leaves out integrations that have been deleted.
    """

    def __init__(
        self, owner_id: int, filters: Filters, integration: UUID | None = None, *, only_live: bool = False
    ) -> None:
        self._owner_id, self._filters, self._integration, self._only_live = owner_id, filters, integration, only_live

    def page(self, cursor: Cursor | None, limit: int) -> Page:
        """Up to `limit` deliveries after the cursor, or before it, for a list: without documents and bodies.

        Each has `asset_name`, what the asset was called then, or None. At most five statements.
        """
        is_backward = cursor is not None and cursor.is_backward
        place = cursor.id if cursor else None
        candidates = self._candidates(place, is_backward, limit + 1)
        keys = candidates.keys(limit + 1)
        has_more, rows = len(keys) > limit, _for_list(keys[:limit])
        if is_backward:
            if not has_more:
                return self.page(None, limit)
            return Page(rows, Cursor(False, rows[-1].pk), Cursor(True, rows[0].pk))
        newer = Cursor(True, rows[0].pk if rows else place) if place else None
        if has_more:
            return Page(rows, Cursor(False, rows[-1].pk), newer)
        unseen = candidates.last() if self._looks else None
        return Page(rows, Cursor(False, unseen) if unseen else None, newer, moment_of(unseen) if unseen else None)

    def neighbours(self, delivery: Delivery) -> tuple[UUID | None, UUID | None]:
        """The ids of the next newer and of the next older delivery; None if there is none, or none nearby."""
        newer = self._candidates(delivery.pk, True, 1).keys(1)
        older = self._candidates(delivery.pk, False, 1).keys(1)
        return newer[0] if newer else None, older[0] if older else None

    def keys_after(self, place: UUID, limit: int) -> tuple[list[UUID], UUID | None]:
        """The ids of the next `limit` or fewer that match, oldest first, and where to go on; None at the end."""
        candidates = self._candidates(place, True, limit)
        keys = candidates.keys(limit)
        if len(keys) == limit:
            return keys, keys[-1]
        return keys, candidates.last() if self._looks else None

    def total(self, page: Page | None = None) -> tuple[int, bool]:
        """How many there are, up to COUNT_MOST or among the newest LOOK_DELIVERIES, and whether these are all.

        `page`: the first page, if it has been read: it may have the answer.
        """
        if page and page.is_whole:
            return len(page.rows), page.looked_until is None
        candidates = self._candidates(None, False, COUNT_MOST)
        found = candidates.count()
        return found, self._is_exact(candidates, found)

    def count(self) -> Counted:
        """The same for each status."""
        candidates = self._candidates(None, False, COUNT_MOST)
        found = candidates.count_by_status()
        return Counted(found, self._is_exact(candidates, sum(found.values())))

    def _is_exact(self, candidates: Candidates, found: int) -> bool:
        is_full = self._looks or found >= candidates.limit
        return not is_full or candidates.last() is None

    @property
    def _looks(self) -> bool:
        """Whether some of the candidates may not match."""
        return bool(self._conditions().texts)

    @cached_property
    def _integrations(self) -> list[UUID]:
        if self._integration:
            return [self._integration]
        rows = self._filters.integrations_of(self._owner_id).order_by()
        return list((rows.live() if self._only_live else rows).values_list("pk", flat=True))

    @property
    def _is_narrowed(self) -> bool:
        """Whether only some integrations or statuses are asked for."""
        filters = self._filters
        return bool(self._integration or self._only_live or filters.type or filters.state or filters.error_class)

    @property
    def _has_ranges(self) -> bool:
        return not self._filters.asset and len(self._integrations) * len(self._statuses) <= MOST_RANGES

    @property
    def _statuses(self) -> Collection[str]:
        if self._filters.state:
            return (self._filters.state.status,)
        if self._filters.error_class:  # the last attempt of a delivered one succeeded
            return (_Status.PENDING, _Status.FAILED, _Status.CANCELLED)
        return _Status.values

    def _candidates(self, place: UUID | None, is_ascending: bool, wanted: int) -> Candidates:
        """The first deliveries after a place that may match: so many as are wanted, if all of them do."""
        limit = LOOK_DELIVERIES if self._looks else wanted
        ranges = self._ranges()
        if place:
            ranges = [one.filter(pk__gt=place) if is_ascending else one.filter(pk__lt=place) for one in ranges]
        if self._filters.asset:
            # Unordered, so that the database does not read the owner's whole log in order to find those of an asset.
            ranges = [one.order_by()[:MOST_OF_ASSET] for one in ranges]
        else:
            # One more, so that it is known whether there are more.
            ranges = [one.order_by("id" if is_ascending else "-id")[: limit + 1] for one in ranges]
        return Candidates(ranges, self._conditions(), limit, is_ascending)

    def _conditions(self) -> Conditions:
        filters, conditions = self._filters, Conditions()
        if self._is_narrowed and not self._has_ranges:
            conditions.add_choice("integration", self._integrations)
            conditions.add_choice("status", list(self._statuses))
        for text in _OF_STATE.get(filters.state, ()) if filters.state else ():
            conditions.add(text)
        if filters.error_class:
            conditions.add(OF_ERROR_CLASS, filters.error_class)
        if filters.event:
            conditions.add(OF_EVENT, filters.event)
        return conditions

    def _ranges(self) -> list[QuerySet[Delivery]]:
        filters = self._filters
        rows = Delivery.objects.all()
        if filters.since:
            rows = rows.filter(pk__gte=first_id_at(filters.since))
        if filters.until:
            rows = rows.filter(pk__lt=first_id_at(filters.until))
        if filters.asset:
            events = Event.objects.filter(owner=self._owner_id, subject=filters.asset).order_by("-sequence")
            return [rows.filter(owner=self._owner_id, event__in=Subquery(events.values("id")[:LOOK_ASSET_EVENTS]))]
        if not self._is_narrowed or not self._has_ranges:
            return [rows.filter(owner=self._owner_id)]
        return [
            rows.filter(integration=integration, status=status)
            for integration in self._integrations
            for status in self._statuses
        ]


def _for_list(keys: Sequence[UUID]) -> list[Delivery]:
    """The deliveries, newest first, with what a list shows of event and integration, whose other columns are large."""
    rows = Delivery.objects.filter(pk__in=keys).order_by("-pk").select_related("event", "integration")
    named = rows.annotate(asset_name=KeyTextTransform("name", "event__document"))
    return list(
        named.only(
            *("status", "attempt_count", "held_attempt_count", "created_at", "due_at", "finished_at", "error"),
            *("backfilled", "event__name", "event__subject"),
            *("integration__type", "integration__status", "integration__problem", "integration__problem_fault"),
            *("integration__deleted_at",),
        )
    )

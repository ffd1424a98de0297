"""The SQL below the delivery log: the ids of deliveries that several index ranges have, merged in order and filtered.

The database reads each range in order and stops once there are enough ids, whatever its statistics say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from django.db import connection
from django.db.models import Field, QuerySet

from .models import Delivery

# One range: ids only, which its index has. With other columns PostgreSQL may read the log of all owners instead.
# The SELECT around it is because SQLite takes no LIMIT in a bare part of a UNION.
RANGE = "SELECT id FROM ({sql}) AS range_{number}"
# The first candidates of all ranges, in order.
CANDIDATES = "SELECT id FROM ({ranges}) AS merged ORDER BY id {order} LIMIT {limit}"
NO_CANDIDATES = "SELECT id FROM webhooks_delivery WHERE 1 = 0"
# Whether a candidate matches: looked up for each one, so that reading stops once there are enough.
MATCHES = "(SELECT {conditions} FROM webhooks_delivery AS delivery WHERE delivery.id = looked.id)"
STATUS = "(SELECT status FROM webhooks_delivery AS delivery WHERE delivery.id = looked.id)"
# Those of the candidates that match, in order.
KEYS = "SELECT id FROM ({candidates}) AS looked WHERE {matches} ORDER BY id {order} LIMIT {limit}"
# How many of the candidates match, of each status and together.
COUNT_BY_STATUS = f"SELECT {STATUS}, count(*) FROM ({{candidates}}) AS looked WHERE {{matches}} GROUP BY 1"  # noqa: S608
COUNT = "SELECT count(*) FROM ({candidates}) AS looked WHERE {matches}"
# The candidate at a place, and the one behind it if there is one.
PLACE = "SELECT id FROM ({candidates}) AS looked LIMIT 2 OFFSET {offset}"

# Conditions.
OF_EVENT = "(SELECT name FROM events_event WHERE events_event.id = delivery.event_id) = %s"
OF_ERROR_CLASS = "error_class = %s"
IS_DUE, WAITS = "due_at IS NOT NULL", "due_at IS NULL"
IS_TRIED, IS_UNTRIED = "attempt_count + held_attempt_count > 0", "attempt_count + held_attempt_count = 0"


@dataclass
class Conditions:
    """Conditions that candidates have to meet, and the values in them."""

    texts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def add(self, text: str, *params: Any) -> None:
        """Adds a condition with its values."""
        self.texts.append(text)
        self.params += params

    def add_choice(self, column: str, values: Sequence[Any]) -> None:
        """Adds that a column has one of some values."""
        places = ", ".join(["%s"] * len(values))
        known = cast("Field[Any, Any]", Delivery._meta.get_field(column))
        prepared = [known.get_db_prep_value(value, connection) for value in values]
        self.add(f"{known.column} IN ({places})" if values else "1 = 0", *prepared)

    @property
    def sql(self) -> str:
        """Whether a candidate, `looked`, meets all of them."""
        return MATCHES.format(conditions=" AND ".join(self.texts)) if self.texts else "1 = 1"


@dataclass(frozen=True, slots=True)
class Candidates:
    """The first `limit` deliveries of some ranges. Each range is a queryset with its own order and limit."""

    ranges: Sequence[QuerySet[Delivery]]
    conditions: Conditions
    limit: int
    is_ascending: bool = False

    def keys(self, limit: int) -> list[UUID]:
        """The ids of the first `limit` that match."""
        return [_uuid(row[0]) for row in self._run(KEYS, order=self._order, limit=limit)]

    def count(self) -> int:
        """How many match."""
        return int(self._run(COUNT)[0][0])

    def count_by_status(self) -> dict[str, int]:
        """How many match, by status."""
        return dict(self._run(COUNT_BY_STATUS))

    def last(self) -> UUID | None:
        """The last one, whether it matches or not, if there is another one behind it."""
        sql, params = self._sql(self.limit + 1)
        found = _fetch(PLACE.format(candidates=sql, offset=self.limit - 1), params)
        return _uuid(found[0][0]) if len(found) == 2 else None

    @property
    def _order(self) -> str:
        return "ASC" if self.is_ascending else "DESC"

    def _run(self, statement: str, **parts: Any) -> list[tuple[Any, ...]]:
        sql, params = self._sql(self.limit)
        text = statement.format(candidates=sql, matches=self.conditions.sql, **parts)
        return _fetch(text, [*params, *self.conditions.params])

    def _sql(self, limit: int) -> tuple[str, list[Any]]:
        parts, params = [], list[Any]()
        for number, one in enumerate(self.ranges):
            sql, more = one.values("id").query.sql_with_params()
            parts.append(RANGE.format(sql=sql, number=number))
            params += more
        if not parts:
            return NO_CANDIDATES, []
        return CANDIDATES.format(ranges=" UNION ALL ".join(parts), order=self._order, limit=limit), params


def _fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)

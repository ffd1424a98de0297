"""Ids of deliveries that several index ranges have, merged in order: the SQL below the delivery log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from .models import Delivery

# The ids of one range. A SELECT around it, because SQLite takes no LIMIT in a bare part of a UNION.
RANGE = "SELECT id FROM ({}) AS range_{}"
# Those of all ranges in order. Each has its own limit, so that no statistics make the database read more of it.
MERGED = "SELECT id FROM ({}) AS merged ORDER BY id {} LIMIT {}"
NOTHING = "SELECT id FROM webhooks_delivery WHERE 1 = 0"
# The last of the first so many ids, and the one behind it if there is one.
END = "SELECT id FROM ({}) AS found LIMIT 2 OFFSET {}"

Sql = tuple[str, tuple[Any, ...]]


def merged(ranges: Sequence[QuerySet[Delivery]], limit: int, *, is_ascending: bool) -> Sql:
    """The SQL of the first `limit` ids of all ranges; each range has its own order and limit, or none."""
    parts, params = [], list[Any]()
    for number, one in enumerate(ranges):
        sql, more = one.values("id").query.sql_with_params()
        parts.append(RANGE.format(sql, number))
        params += more
    if not parts:
        return NOTHING, ()
    return MERGED.format(" UNION ALL ".join(parts), "ASC" if is_ascending else "DESC", limit), tuple(params)


def as_expression(statement: Sql) -> RawSQL:
    """For `pk__in`. All its values are parameters."""
    return RawSQL(*statement)  # noqa: S611


def end_of(statement: Sql, count: int) -> UUID | None:
    """The id at the place `count`, from 1, if there is another one behind it."""
    sql, params = statement
    with connection.cursor() as cursor:
        cursor.execute(END.format(sql, count - 1), params)
        found = [row[0] if isinstance(row[0], UUID) else UUID(row[0]) for row in cursor.fetchall()]
    return found[0] if len(found) == 2 else None

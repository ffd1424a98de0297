"""Which duties have something to do: one statement for all of them, as nearly always none has.

Each duty would otherwise ask for itself, with several statements, every few seconds: that was half of what a process
with nothing to do took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from django.db import connection
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.db.models.sql import Query

# What makes a duty due at a time, which is an expression of the database: that rows exist, or that none does.
Conditions = Callable[[Now], Iterable[Combinable]]


class DueDuties:
    """Finds the duties that are due. To be made in the process that asks, once: Django takes long to make a statement.

    conditions: of each duty by its name. It is due if one of them is true.
    """

    def __init__(self, conditions: Mapping[str, Conditions]) -> None:
        query, self._names = Query(None), list[str]()
        for name, due in conditions.items():
            for condition in due(Now()):
                query.add_annotation(condition, f"due_{len(self._names)}")
                self._names.append(name)
        self._statement, self._parameters = query.get_compiler(connection=connection).as_sql()

    def find(self) -> list[str]:
        """The names of the duties that are due, e.g. `["jobs", "alerts"]`. Raises `django.db.Error`."""
        with connection.cursor() as cursor:
            cursor.execute(self._statement, self._parameters)
            answers = cursor.fetchone()
        return [*dict.fromkeys(name for name, is_due in zip(self._names, answers, strict=True) if is_due)]

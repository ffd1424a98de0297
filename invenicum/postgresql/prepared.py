"""Statements that each session of PostgreSQL parses and plans once: https://www.postgresql.org/docs/current/sql-prepare.html"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db import Error
from django.db.backends.utils import CursorWrapper

from .base import DatabaseWrapper

# The session has no statement of this name, or one that was made for columns which have changed since.
_OUTDATED = frozenset({"26000", "0A000"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that takes longer to plan than to run.

    name: of the statement in a session. sql: with its arguments as `%(now)s`. types: of the arguments, by their names:
    `{"now": "timestamptz"}`. settings: `SET LOCAL …;` for the transaction in which it is planned or run.

    The plan is made for any arguments, and is kept while the tables grow: `settings` should leave the planner only the
    plan that is right for large tables.
    """

    name: str
    sql: str
    types: Mapping[str, str]
    settings: str

    def execute(self, cursor: CursorWrapper, arguments: Mapping[str, Any]) -> bool:
        """Runs the statement with `arguments`, outside a transaction. The rows are the cursor's.

        Returns False, and has done nothing, if the session cannot keep statements: behind a pooler, or if it has lost
        them. Raises `django.db.Error`.
        """
        session = cast(DatabaseWrapper, cursor.db)
        if not session.keeps_statements():
            return False
        try:
            if self.name not in session.prepared:
                cursor.execute(self._preparation())
                session.prepared.add(self.name)
            cursor.execute(f"{self.settings}EXECUTE {self.name} ({self.arguments()})", arguments)
        except Error as error:
            if getattr(error.__cause__, "sqlstate", None) not in _OUTDATED:
                raise
            session.can_keep_statements = False
            return False
        while cursor.nextset():
            pass
        return True

    def arguments(self) -> str:
        """What stands between the brackets of EXECUTE: `%(worker)s, %(now)s`."""
        return ", ".join(f"%({name})s" for name in self.types)

    def _preparation(self) -> str:
        places = {name: f"${place}" for place, name in enumerate(self.types, start=1)}
        return f"PREPARE {self.name} ({', '.join(self.types.values())}) AS {self.sql % places}"

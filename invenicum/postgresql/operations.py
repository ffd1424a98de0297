"""Operations for migrations that keep no request and no delivery waiting on PostgreSQL, and work on SQLite too.

On SQLite, which is one machine with one writer, they do the same in the usual way.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres import operations
from django.db.migrations import AddConstraint, AddIndex, RemoveIndex


class AddIndexConcurrently(operations.AddIndexConcurrently):
    """Makes an index while its table is written. It needs a migration of its own, with `atomic = False`."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, *states)
        else:
            AddIndex.database_forwards(self, app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if _is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, *states)
        else:
            AddIndex.database_backwards(self, app_label, schema_editor, *states)


class RemoveIndexConcurrently(operations.RemoveIndexConcurrently):
    """Removes an index while its table is written. It needs a migration of its own, with `atomic = False`."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, *states)
        else:
            RemoveIndex.database_forwards(self, app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if _is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, *states)
        else:
            RemoveIndex.database_backwards(self, app_label, schema_editor, *states)


class AddConstraintNotValid(operations.AddConstraintNotValid):
    """Adds a check that new rows must pass; `ValidateConstraint`, in a later migration, looks at those that exist."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, *states)
        else:
            AddConstraint.database_forwards(self, app_label, schema_editor, *states)


class ValidateConstraint(operations.ValidateConstraint):
    """Checks the rows that exist. SQLite has checked them when the constraint was added."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        if _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, *states)


def _is_postgresql(schema_editor: Any) -> bool:
    return bool(schema_editor.connection.vendor == "postgresql")

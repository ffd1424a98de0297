"""Migrations of a later release can run while processes of the release before it still work (docs/upgrading.md)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db.migrations import AddConstraint, CreateModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import CheckConstraint, Q
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

ROOT = Path(__file__).parent.parent
OURS = ("invenicum.", "integrations", "oauth_flows", "webhooks")
# The first migration of an app creates its tables, which no process of an earlier release uses.
FIRST = "0001_initial"
LOCKING = ("CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE", "DROP_INDEX", "REINDEX")
NEXT = "tests.upgrades.next_release"


def labels() -> set[str]:
    return {app.label for app in apps.get_app_configs() if app.name.startswith(OURS)}


def linted() -> MigrationLinter:
    linter = MigrationLinter(
        str(ROOT),
        include_apps=labels(),
        ignore_name=[FIRST],
        warnings_as_errors_tests=LOCKING,
        no_cache=True,
        quiet=["ok", "ignore", "warning", "error"],
        no_output=True,
    )
    linter.lint_all_migrations()
    return linter


def checks_existing_rows(operations: Iterable[Any]) -> bool:
    """Whether a constraint is added to a table that exists in a way that locks it while its rows are checked."""
    made = {operation.name_lower for operation in operations if isinstance(operation, CreateModel)}
    return any(
        isinstance(operation, AddConstraint)
        and not isinstance(operation, AddConstraintNotValid)
        and operation.model_name.lower() not in made
        for operation in operations
    )


@pytest.mark.django_db(transaction=True)
def test_no_migration_breaks_processes_of_the_release_before_it() -> None:
    linter = linted()
    assert linter.nb_erroneous == 0
    assert linter.nb_total + linter.nb_ignored >= len(labels()) - 2  # not every app has models
    ours = [
        migration
        for (app, name), migration in MigrationLoader(None).disk_migrations.items()
        if app in labels() and name != FIRST
    ]
    assert [migration for migration in ours if checks_existing_rows(migration.operations)] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("migrations", "wrong"), [("migrations", 0), ("forbidden", 1)])
def test_of_the_migrations_of_a_next_release_the_forbidden_ones_are_found(
    migrations: str, wrong: int, settings: Any
) -> None:
    settings.MIGRATION_MODULES = {"webhooks": f"{NEXT}.{migrations}"}
    assert linted().nb_erroneous == wrong


@pytest.mark.parametrize(("add", "is_found"), [(AddConstraint, True), (AddConstraintNotValid, False)])
def test_a_constraint_that_locks_a_table_while_its_rows_are_checked_is_found(add: Any, is_found: bool) -> None:
    constraint = CheckConstraint(condition=Q(n__lt=9), name="small")
    assert checks_existing_rows([add("delivery", constraint)]) is is_found
    assert not checks_existing_rows([CreateModel("Delivery", []), add("delivery", constraint)])


@pytest.mark.parametrize(
    ("statement", "is_found"),
    [
        ('ALTER TABLE "events_event" DROP COLUMN "body" CASCADE', True),
        ('ALTER TABLE "events_event" RENAME COLUMN "body" TO "payload"', True),
        ('ALTER TABLE "events_event" ADD COLUMN "source" text NOT NULL', True),
        ('ALTER TABLE "events_event" ADD COLUMN "source" text NULL', False),
        ('CREATE INDEX "event_source" ON "events_event" ("source")', True),
        ('CREATE INDEX CONCURRENTLY "event_source" ON "events_event" ("source")', False),
        ('DROP INDEX "event_source"', True),
    ],
)
def test_what_would_break_them_is_found(statement: str, is_found: bool) -> None:
    errors, _, warnings = analyse_sql_statements(PostgresqlAnalyser, [statement], [])
    assert bool(errors + [warning for warning in warnings if warning.code in LOCKING]) is is_found

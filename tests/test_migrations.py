"""Migrations of a later release can run while processes of the release before it still work (docs/upgrading.md)."""

from pathlib import Path

import pytest
from django.apps import apps
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

ROOT = Path(__file__).parent.parent
OURS = ("invenicum.", "integrations", "oauth_flows", "webhooks")
# The first migration of an app creates its tables, which no process of an earlier release uses.
FIRST = "0001_initial"


@pytest.mark.django_db
def test_no_migration_breaks_processes_of_the_release_before_it() -> None:
    labels = {app.label for app in apps.get_app_configs() if app.name.startswith(OURS)}
    linter = MigrationLinter(
        str(ROOT), include_apps=labels, ignore_name=[FIRST], no_cache=True, quiet=["ok", "ignore"], no_output=True
    )
    linter.lint_all_migrations()
    assert linter.nb_erroneous == 0
    assert linter.nb_total + linter.nb_ignored >= len(labels) - 2  # not every app has models


@pytest.mark.parametrize(
    ("statement", "is_found"),
    [
        ('ALTER TABLE "events_event" DROP COLUMN "body" CASCADE', True),
        ('ALTER TABLE "events_event" RENAME COLUMN "body" TO "payload"', True),
        ('ALTER TABLE "events_event" ADD COLUMN "source" text NOT NULL', True),
        ('ALTER TABLE "events_event" ADD COLUMN "source" text NULL', False),
    ],
)
def test_what_would_break_them_is_found(statement: str, is_found: bool) -> None:
    errors, _, _ = analyse_sql_statements(PostgresqlAnalyser, [statement], [])
    assert bool(errors) is is_found

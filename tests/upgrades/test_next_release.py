"""Migrations of the next release run while today's processes publish and deliver. test_migrations.py lints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import on_postgresql
from tests.processes import Process
from tests.upgrades.instance import Instance, instance
from tests.upgrades.load import Load
from tests.upgrades.next_release import SETTINGS
from tests.upgrades.world import World
from tests.waiting import wait_until

pytestmark = on_postgresql

# What Django's own command does, which waits for a table as long as it takes.
DJANGOS_MIGRATE = """
import django; django.setup()
from django.core.management import call_command
from django.core.management.commands.migrate import Command
call_command(Command())
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
USE_TABLE = "SELECT count(*) FROM webhooks_delivery"
IS_INDEX_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'delivery_region'::regclass"
LOOK_SECONDS = 1
MAX_PAUSE_SECONDS = 20.0  # on a machine four times as slow


@dataclass
class Running:
    """An instance of today's release with all its processes, under load."""

    made: Instance
    load: Load
    worker: Process

    def migrating(self, *arguments: str, migrations: str = "migrations") -> Process:
        command = arguments or ("manage.py", "migrate", "-v0")
        return self.made.process(*command, log="migrate", DJANGO_SETTINGS_MODULE=SETTINGS, NEXT_MIGRATIONS=migrations)


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        world = stack.enter_context(World())
        made = stack.enter_context(instance("postgresql", folder, world))
        made.manage("migrate", "-v0")
        stack.enter_context(made.serving())
        worker = stack.enter_context(made.process("manage.py", "deliver", log="deliver"))
        load = stack.enter_context(Load(made, world))
        load.wait_for_more(30, "events are published and delivered")
        yield Running(made, load, worker)


def test_migrations_run_under_load_without_loss_errors_or_a_long_pause(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with running(tmp_path) as today:
        load = today.load
        with today.made.connect() as reader:
            reader.execute(USE_TABLE)  # its transaction stays open
            with today.migrating() as migrating:
                wait_until(lambda: "trying again" in migrating.output(), "the migration waits for the table")
                load.wait_for_more(40, "events are published and delivered meanwhile")
                assert migrating.process.poll() is None
                reader.rollback()
                assert migrating.wait() == 0, migrating.output()
        load.wait_for_more(40, "today's processes go on with the changed tables")
        load.stop()
        load.assert_all_arrived_once_and_in_order()
        record_property("longest pause of deliveries in seconds", load.longest_pause)
        print(f"The longest pause of deliveries: {load.longest_pause:.2f} s")
        assert load.longest_pause < MAX_PAUSE_SECONDS
        assert today.made.rows("SELECT DISTINCT region FROM webhooks_delivery") == [("eu",)]
        assert today.made.rows(IS_INDEX_VALID) == [(True,)]


def test_with_djangos_own_command_all_would_wait_for_an_open_transaction_and_a_forbidden_migration_stops_workers(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as today:
        with today.made.connect() as reader:
            reader.execute(USE_TABLE)
            with today.migrating("-c", DJANGOS_MIGRATE, migrations="forbidden") as migrating:
                wait_until(lambda: today.made.rows(WAITING)[0][0], "the migration waits for the table")
                with today.made.connect() as other:
                    other.execute(f"SET lock_timeout = '{LOOK_SECONDS}s'")
                    with pytest.raises(psycopg.errors.LockNotAvailable):
                        other.execute(USE_TABLE)
                reader.rollback()
                assert migrating.wait() == 0, migrating.output()
        wait_until(lambda: "attempt_count" in today.worker.output(), "today's worker fails")

"""Dumps of databases as text that any supported PostgreSQL, or SQLite, reads; and loading them."""

from __future__ import annotations

import gzip
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.services import postgres_program
from tests.upgrades.instance import Instance

# What PostgreSQL 15 does not know, or psql before a release of 2025: pg_dump writes it for the newest of both.
# Comments, empty lines and the search path are left out too.
UNKNOWN_BEFORE = re.compile(
    r"^(SET transaction_timeout|\\restrict|\\unrestrict|--|SELECT pg_catalog.set_config).*\n|^\n", re.MULTILINE
)


# The columns with times and with ids.
COLUMNS = {
    "postgresql": "SELECT table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = 'public' AND data_type IN ('timestamp with time zone', 'uuid') ORDER BY 1, 2",
    "sqlite": "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c "
    "WHERE m.type = 'table' AND c.type IN ('datetime', 'char(32)') ORDER BY 1, 2",
}
TIMES = ("timestamp with time zone", "datetime")
# `moved_id` in SQL: of a column, by milliseconds.
MOVED_ID = """CASE WHEN substr({0}::text, 15, 1) <> '7' THEN {0} ELSE (
    lpad(to_hex(('x' || translate(substr({0}::text, 1, 13), '-', ''))::bit(48)::bigint + {1}), 12, '0')
    || translate(substr({0}::text, 14), '-', ''))::uuid END"""


def dump(instance: Instance, path: Path) -> None:
    """Writes the instance's database to `path`, compressed and the same for the same rows."""
    text = _of_postgresql(instance) if instance.vendor == "postgresql" else _of_sqlite(instance)
    write(path, text)


def write(path: Path, text: str) -> None:
    """Writes a compressed file: the same bytes for the same text."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())


def load(instance: Instance, path: Path) -> None:
    """Fills the instance's empty database with what was dumped."""
    text = gzip.decompress(path.read_bytes()).decode()
    if instance.vendor == "sqlite":
        with closing(sqlite3.connect(instance.file)) as database:
            database.executescript(text)
        return
    command = [str(postgres_program("psql")), "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    subprocess.run([*command, "--output=/dev/null", instance.env["DATABASE_URL"]], input=text, text=True, check=True)


def shift(instance: Instance, by: timedelta) -> None:
    """Moves every time in the database, and the ids that begin with one, as if it had been recorded later."""
    if instance.vendor == "postgresql":
        time, key = (
            f"{{0}} + interval '{by.total_seconds()} s'",
            MOVED_ID.format("{0}", round(by.total_seconds() * 1000)),
        )
        with instance.connect() as database:
            for statement in _updates(instance, time, key):
                database.execute(statement)
        return
    with closing(sqlite3.connect(instance.file)) as embedded, embedded:
        embedded.create_function("moved_time", 1, lambda text: text and _moved(text, by))
        embedded.create_function("moved_id", 1, lambda text: text and moved_id(text, by))
        for statement in _updates(instance, "moved_time({0})", "moved_id({0})"):
            embedded.execute(statement)


def moved_id(text: str, by: timedelta) -> str:
    """A UUIDv7 (RFC 9562) whose time is moved, written as it was; another one as it is."""
    digits = text.replace("-", "")
    if digits[12] != "7":
        return text
    digits = f"{int(digits[:12], 16) + round(by.total_seconds() * 1000):012x}{digits[12:]}"
    return str(UUID(digits)) if "-" in text else digits


def _updates(instance: Instance, time: str, key: str) -> Iterator[str]:
    """An update for each table, with what becomes of its times and of its ids."""
    tables: dict[str, list[str]] = {}
    for table, column, kind in instance.rows(COLUMNS[instance.vendor]):
        tables.setdefault(table, []).append(f'"{column}" = ' + (time if kind in TIMES else key).format(f'"{column}"'))
    for table, changes in tables.items():
        yield f'UPDATE "{table}" SET {", ".join(changes)}'


def counts(instance: Instance) -> dict[str, int]:
    """How many rows each table has."""
    query = {
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    }
    names = sorted(name for (name,) in instance.rows(query[instance.vendor]))
    return {name: instance.rows(f'SELECT count(*) FROM "{name}"')[0][0] for name in names}


def _moved(text: str, by: timedelta) -> str:
    """A time as Django writes it to SQLite."""
    moved = datetime.fromisoformat(text).replace(tzinfo=UTC) + by
    return moved.replace(tzinfo=None).isoformat(" ")


def _of_postgresql(instance: Instance) -> str:
    command = [str(postgres_program("pg_dump")), "--no-owner", "--no-privileges", instance.env["DATABASE_URL"]]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return UNKNOWN_BEFORE.sub("", text)


def _of_sqlite(instance: Instance) -> str:
    with closing(sqlite3.connect(instance.file)) as database:
        return "\n".join(database.iterdump()) + "\n"

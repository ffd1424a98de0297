"""deploy/backup.sh for the embedded database; tests/faults/test_restore.py uses it with PostgreSQL, and restores."""

import os
import sqlite3
import stat
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DAY_SECONDS = 86_400


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data/db.sqlite3") as database:
        database.execute("CREATE TABLE event (id)")
        database.execute("INSERT INTO event VALUES (42)")
    return tmp_path / "data"


def backup(data: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data), "KEEP_DAYS": "7"}
    return subprocess.run([ROOT / "deploy/backup.sh", folder], env=environment, capture_output=True, text=True)


def test_the_copy_has_the_data_and_is_for_its_owner_only(data: Path, tmp_path: Path) -> None:
    made = Path(backup(data, tmp_path / "backups").stdout.strip())
    assert sqlite3.connect(made).execute("SELECT id FROM event").fetchall() == [(42,)]
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_old_backups_are_removed_after_a_new_one_and_other_files_stay(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for name, age_days in {"invenicum-old.sqlite3": 9, "invenicum-new.sqlite3": 3, "notes": 99}.items():
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age_days * DAY_SECONDS,) * 2)
    backup(data, folder)
    names = {path.name for path in folder.iterdir()}
    assert len(names) == 3
    assert {"invenicum-new.sqlite3", "notes"} < names


def test_a_backup_that_fails_leaves_no_file_that_looks_like_one(data: Path, tmp_path: Path) -> None:
    (data / "db.sqlite3").write_bytes(b"no database at all" * 1000)
    assert backup(data, tmp_path / "backups").returncode != 0
    assert list((tmp_path / "backups").glob("*.sqlite3")) == []

import os
from pathlib import Path

from invenicum.demo.source_changes import SourceChanges


def test_changed_new_and_removed_files_are_named_once(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    kept, edited, removed = (tmp_path / "app" / name for name in ("kept.py", "edited.py", "removed.html"))
    for path in (kept, edited, removed):
        path.write_text("")
    changes = SourceChanges([tmp_path])
    assert changes.take() == []

    new = tmp_path / "new.py"
    new.write_text("")
    removed.unlink()
    os.utime(edited, (1, 1))
    assert changes.take() == [edited, removed, new]
    assert changes.take() == []


def test_other_files_do_not_count_as_changes(tmp_path: Path) -> None:
    changes = SourceChanges([tmp_path])
    for name in ("notes.txt", "module.pyc", ".module.py.swp"):
        (tmp_path / name).write_text("")
    assert changes.take() == []

"""Which source files changed since the last look, for `make dev`."""

from collections.abc import Iterable
from pathlib import Path

SUFFIXES = frozenset({".html", ".py"})


class SourceChanges:
    """Watches the Python files and templates below some folders by their modification times.

    folders: each is searched with all its subfolders. Files that appear or vanish count as changed.
    """

    def __init__(self, folders: Iterable[Path]):
        self._folders = tuple(folders)
        self._seen = self._look()

    def take(self) -> list[Path]:
        """What changed since the last call, or since the start, sorted: `[Path("/app/webhooks/tasks.py")]`."""
        now = self._look()
        changed = {path for path, _ in now ^ self._seen}
        self._seen = now
        return sorted(changed)

    def _look(self) -> set[tuple[Path, int]]:
        found = set()
        for folder in self._folders:
            for path in folder.rglob("*"):
                if path.suffix in SUFFIXES:
                    try:
                        found.add((path, path.stat().st_mtime_ns))
                    except FileNotFoundError:  # an editor replaced it at that moment
                        continue
        return found

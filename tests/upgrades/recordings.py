"""The recorded releases, and an instance with one of them in its database."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.upgrades import dumps
from tests.upgrades.instance import Instance, instance
from tests.upgrades.world import World

RELEASES = Path(__file__).parent / "releases"
# How long ago it was recorded, for the instance: leases have ended and retries are due, tokens and sessions still last.
AGE = timedelta(minutes=50)


@dataclass(frozen=True)
class Recording:
    """A release's database, and what an instance with it answered and had shown. `moved_by`: see `dumps.shift`."""

    version: str
    vendor: str
    kept: dict[str, Any]
    moved_by: timedelta

    @property
    def dump(self) -> Path:
        return RELEASES / self.version / f"{self.vendor}.sql.gz"


def versions() -> list[str]:
    """The recorded releases, the oldest first."""
    return sorted((folder.name for folder in RELEASES.iterdir()), key=lambda name: [int(n) for n in name.split(".")])


def recorded() -> list[tuple[str, str]]:
    """Version and database of each recording."""
    return [(version, path.name.split(".")[0]) for version in versions() for path in _dumps(version)]


def read(version: str, vendor: str) -> Recording:
    folder = RELEASES / version
    kept = json.loads((folder / f"{vendor}.json").read_text())
    kept |= json.loads(gzip.decompress((folder / f"{vendor}.answers.json.gz").read_bytes()))
    since = datetime.now(UTC) - datetime.fromisoformat(kept["recordedAt"])
    return Recording(version, vendor, kept, timedelta(seconds=int((since - AGE).total_seconds())))


def _dumps(version: str) -> list[Path]:
    return sorted((RELEASES / version).glob("*.sql.gz"))


def facts_of(version: str) -> dict[str, Any]:
    """The commit that a release was recorded from, and its keys."""
    facts: dict[str, Any] = json.loads((RELEASES / version / "release.json").read_text())
    return facts


@contextmanager
def restored(recording: Recording, folder: Path, world: World) -> Iterator[Instance]:
    """An instance with a release's database, which has not been migrated."""
    with instance(recording.vendor, folder, world) as made:
        made.env |= facts_of(recording.version)["keys"]
        dumps.load(made, recording.dump)
        dumps.shift(made, recording.moved_by)
        yield made

"""Records the database of this release, with data in it: `make record-release`; see CONTRIBUTING.md, Releasing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

RELEASES = Path(__file__).parent / "releases"


def record() -> None:
    """Records both databases of this release. Raises AssertionError if something does not happen."""
    from invenicum.version import VERSION
    from tests.golden.recording import render
    from tests.processes import ROOT
    from tests.upgrades.instance import KEYS, VENDORS

    target = RELEASES / VERSION
    target.mkdir(exist_ok=True)
    counted = {vendor: record_database(vendor, target) for vendor in VENDORS}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    (target / "release.json").write_text(render({"commit": commit.stdout.strip(), "keys": KEYS}) + "\n")
    (target / "summary.txt").write_text(summary(counted))
    print(f"Recorded {VERSION}: compare {target / 'summary.txt'} with that of the release before.")


def record_database(vendor: str, target: Path) -> dict[str, int]:
    """Records one of the databases in the folder `target`. Returns how many rows each table has."""
    from tests.golden.recording import render
    from tests.upgrades import dumps, reading
    from tests.upgrades.instance import instance
    from tests.upgrades.story import tell
    from tests.upgrades.world import World

    folder = Path(tempfile.mkdtemp(prefix="invenicum-record-"))
    with World() as world, instance(vendor, folder, world) as made:
        made.manage("migrate", "-v0")
        with made.serving():
            kept = tell(made, world)
            kept |= {"recordedAt": datetime.now(UTC).isoformat(timespec="seconds")}
            read = {"answers": reading.answers(made.port, kept["tokens"]), "encrypted": reading.secrets(made)}
        dumps.dump(made, target / f"{vendor}.sql.gz")
        counts = dumps.counts(made)
    shutil.rmtree(folder)
    (target / f"{vendor}.json").write_text(render(kept) + "\n")
    dumps.write(target / f"{vendor}.answers.json.gz", render(read) + "\n")
    return counts


def summary(counted: Mapping[str, Mapping[str, int]]) -> str:
    """How many rows each table has, by database, as text that can be compared."""
    lines = [f"{'table':50}" + "".join(f"{vendor:>12}" for vendor in counted)]
    tables = sorted(set[str]().union(*counted.values()))
    lines += [f"{name:50}" + "".join(f"{counts.get(name, 0):>12}" for counts in counted.values()) for name in tables]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invenicum.settings")
    from tests.plugin import start_servers

    start_servers()  # before Django reads its settings
    import django

    django.setup()
    record()

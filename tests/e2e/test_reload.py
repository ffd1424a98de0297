"""`make dev` restarts the processes when a file is edited."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, Run
from tests.processes import is_running


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the code, for the test to edit."""
    folder = tmp_path / "checkout"
    for name in ("invenicum", "integrations", "oauth_flows", "webhooks", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", folder)
    return folder


def test_an_edited_file_restarts_web_and_engine_and_a_broken_one_waits_for_the_next_change(
    checkout: Path, tmp_path: Path, started: list[Run]
) -> None:
    run = Run(tmp_path, "--reload", root=checkout)
    started.append(run)
    run.wait_for("received asset.created")
    first = run.children()

    version = checkout / "invenicum/version.py"
    released = version.read_text()
    version.write_text(released.replace('VERSION = "', 'VERSION = "9.'))
    run.wait_for(r"invenicum/version\.py changed\.(?s:.*)Reloaded\.")
    assert not any(map(is_running, first))
    assert run.api("/schema?format=json")["info"]["version"].startswith("9.")
    run.api("/api/v1/assets", {"name": "Second.jpg", "category": "Images"})
    run.wait_for(r"received asset\.created asset-\w+ Second\.jpg  ✓ both signatures verified")

    version.write_text("def (")
    run.wait_for(r"ended with status \d+\. Everything starts again when a source file changes\.")
    version.write_text(released)
    run.wait_for(r"Everything starts again(?s:.*)Reloaded\.")

    children = run.children()
    assert run.stop(signal.SIGINT) == 0
    assert not any(map(is_running, children))

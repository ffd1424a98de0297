"""What a start with a bad setting says to the operator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` with an environment of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(("secret", "is_refused"), [("x" * 31, True), ("x" * 32, False), ("é" * 16, False)])
def test_a_backend_secret_that_can_be_guessed_stops_the_start_with_one_line(
    tmp_path: Path, secret: str, is_refused: bool
) -> None:
    started = start(tmp_path, INVENICUM_JWT_SECRET=secret)
    assert (started.returncode != 0) is is_refused
    if is_refused:
        [line] = started.stderr.splitlines()
        assert "the Invenicum backend signs its users' tokens" in line
        assert "openssl rand -base64 48" in line
        assert secret not in line

"""`manage.py check --deploy`, as an operator runs it before exposing the service."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

PRODUCTION = {
    "SECRET_KEY": "0123456789abcdef" * 4,
    "FERNET_KEYS": "fedcba9876543210" * 4,
    "DATABASE_URL": "postgres://invenicum:password@127.0.0.1:5432/invenicum",
    "CELERY_BROKER_URL": "redis://:password@127.0.0.1:6379/0",
    "PUBLIC_URL": "https://integrations.example.com",
    "BEHIND_PROXY": "true",
}


def check(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **PRODUCTION, **changes}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)


def test_production_settings_have_no_warning(tmp_path: Path) -> None:
    checked = check(tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"PUBLIC_URL": "http://integrations.example.com"}, "operations.W001"),
        ({"BEHIND_PROXY": "false"}, "operations.W002"),
        ({"SECRET_KEY": "short"}, "security.W009"),
        ({"DEBUG": "true"}, "security.W018"),
    ],
)
def test_what_is_not_safe_has_one_warning(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    checked = check(tmp_path, **changes)
    assert checked.returncode == 1
    assert checked.stderr.count("?: (") == 1, checked.stderr
    assert expected in checked.stderr

"""Checks the Dockerfile as far as that is possible without a container engine; tests/machines/compose builds it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.tools import tool

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "Dockerfile").read_text().splitlines()


def test_the_image_does_not_run_as_root_and_contains_every_package() -> None:
    user = next(number for number, line in enumerate(LINES) if line.startswith("USER "))
    start = next(number for number, line in enumerate(LINES) if line.startswith("CMD "))
    assert user < start
    assert LINES[user] == "USER 10001:10001"  # numbers, so that Kubernetes can tell that it is not root
    copied = {
        name for line in LINES if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied >= {"manage.py", "invenicum", "integrations", "oauth_flows", "webhooks", "templates"}
    assert {f"!{name}" for name in copied} <= {*ignored}


def test_both_stages_have_one_base_that_cannot_change() -> None:
    assert [line for line in LINES if line.startswith("FROM ")] == ["FROM ${BASE} AS build", "FROM ${BASE}"]
    [base] = [line for line in LINES if line.startswith("ARG BASE=")]
    assert re.fullmatch(r"ARG BASE=python:3\.13-slim@sha256:[0-9a-f]{64}", base)


def test_the_static_files_of_the_image_can_be_collected(tmp_path: Path) -> None:
    code = (
        "from invenicum import settings; from django.core.management import call_command; import django, sys;"
        "from pathlib import Path; settings.STATIC_ROOT = Path(sys.argv[1]); django.setup();"
        "call_command('collectstatic', interactive=False, verbosity=0)"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "data"),
        "SECRET_KEY": "build",
        "FERNET_KEYS": "build",
        "DJANGO_SETTINGS_MODULE": "invenicum.settings",
    }
    subprocess.run([sys.executable, "-c", code, tmp_path / "static"], cwd=ROOT, env=environment, check=True)
    assert (tmp_path / "static/admin/css/base.css").exists()
    assert (tmp_path / "static/drf_spectacular_sidecar").exists()


def test_the_linter_has_nothing_to_say() -> None:
    subprocess.run([tool("hadolint"), "--failure-threshold", "style", "Dockerfile"], cwd=ROOT, check=True)

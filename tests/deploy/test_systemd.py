"""Checks the units with systemd's own reader, and that they start what the Procfile starts."""

import re
import subprocess
from pathlib import Path

import pytest

from invenicum.env import SECRETS
from tests.tools import tool

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
# What the units refer to and every system has.
SYSTEM_UNITS = ("basic", "multi-user", "network", "network-online", "shutdown", "sysinit")


def verify(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """`systemd-analyze verify` in a system of which nothing but these units exists. changes: text that is replaced."""
    units = folder / "etc/systemd/system"
    programs = folder / "opt/invenicum/.venv/bin"
    for each in (units, programs, folder / "usr/lib/systemd/system"):
        each.mkdir(parents=True)
    for name in ("python", "celery"):
        (programs / name).touch(mode=0o755)
    for name in SYSTEM_UNITS:
        (folder / f"usr/lib/systemd/system/{name}.target").write_text(f"[Unit]\nDescription={name}\n")
    for unit in (*UNITS, ROOT / "deploy/systemd/invenicum.target"):
        text = unit.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        (units / unit.name).write_text(text)
    return subprocess.run(
        [tool("systemd-analyze"), "verify", f"--root={folder}", "--man=no", *(unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
    )


def test_systemd_reads_every_unit(tmp_path: Path) -> None:
    answer = verify(tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_mistake_would_be_found(tmp_path: Path) -> None:
    assert "'KilMode'" in verify(tmp_path, KillMode="KilMode").stderr


def test_the_units_start_what_the_procfile_starts() -> None:
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if not line.startswith("#")]
    expected = dict(line.split(": ", 1) for line in lines)
    expected["migrate"] = expected.pop("release")
    started = {}
    for unit in UNITS:
        [command] = re.findall(r"^ExecStart=/opt/invenicum/\.venv/bin/(.*)$", unit.read_text(), re.MULTILINE)
        started[unit.stem.removeprefix("invenicum-")] = command.replace("%%", "%")
    assert {name: sorted(command.split()) for name, command in started.items()} == {
        name: sorted(command.split()) for name, command in expected.items()
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_each_unit_stops_gently_reads_its_secrets_and_can_do_little(unit: Path) -> None:
    text = unit.read_text()
    if "Type=oneshot" not in text:
        # Celery's children must not get the signal that tells their parent to stop.
        assert "KillMode=mixed" in text
        assert "Restart=always" in text
    credentials = re.findall(r"^LoadCredential=(\w+):/etc/invenicum/secrets/(\w+)$", text, re.MULTILINE)
    files = dict(re.findall(r"\b([A-Z_]+)_FILE=%d/(\w+)", text))
    assert files.keys() <= SECRETS
    assert sorted(files.values()) == sorted(name for name, _ in credentials) == sorted(name for _, name in credentials)
    assert "ProtectSystem=strict" in text
    assert "NoNewPrivileges=true" in text


def test_a_command_reads_the_secrets_that_the_units_read() -> None:
    text = (ROOT / "deploy/systemd/manage.sh").read_text()
    credentials = re.findall(r"LoadCredential=(\w+):\$secrets/(\w+)", text)
    files = re.findall(r"\b([A-Z_]+)_FILE=\$CREDENTIALS_DIRECTORY/(\w+)", text)
    unit = UNITS[0].read_text()
    assert sorted(credentials) == sorted(
        re.findall(r"^LoadCredential=(\w+):/etc/invenicum/secrets/(\w+)$", unit, re.MULTILINE)
    )
    assert sorted(files) == sorted(re.findall(r"\b([A-Z_]+)_FILE=%d/(\w+)", unit))


def test_the_units_agree_in_what_they_have_in_common() -> None:
    common = [
        unit.read_text().partition("# The rest is in each unit alike")[2].partition("[Install]")[0] for unit in UNITS
    ]
    assert {text.strip() for text in common} == {common[0].strip()}

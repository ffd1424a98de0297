"""Variables are documented, read from files if they are secrets, and demanded."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from invenicum.env import SECRETS

ROOT = Path(__file__).parent.parent
DOCUMENTED = (ROOT / "docs/settings.md").read_text()
VARIABLE = re.compile(r"""(?:env\.\w+|secret|json_object|rate|environ\.get)\(\s*f?["']([A-Z][A-Z_]+)["']""")
SOURCES = [
    path
    for package in ("invenicum", "integrations", "oauth_flows", "webhooks")
    for path in (ROOT / package).rglob("*.py")
]
NOT_SETTINGS = {"CONTENT_LENGTH"}  # of a request


def variables_read() -> set[str]:
    return {name for path in SOURCES for name in VARIABLE.findall(path.read_text())} - NOT_SETTINGS


@pytest.mark.parametrize("name", sorted(variables_read()))
def test_every_variable_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCUMENTED


def test_every_documented_variable_is_read() -> None:
    text = "".join(path.read_text() for path in SOURCES)
    documented = set(re.findall(r"^\| `([A-Z_]+)`", DOCUMENTED, re.MULTILINE))
    assert {name for name in documented if name not in text} == set()


def test_every_variable_that_can_hold_a_secret_can_be_a_file_and_is_marked_so() -> None:
    marked = set(re.findall(r"^\| `([A-Z_]+)` \*secret\*", DOCUMENTED, re.MULTILINE))
    assert marked == SECRETS
    suspicious = {name for name in variables_read() if re.search("(_URL|KEYS?|SECRET|PASSWORD|TOKEN)$", name)}
    assert suspicious - SECRETS == {"PUBLIC_URL"}


def test_secrets_are_read_from_files(tmp_path: Path) -> None:
    values = {
        "SECRET_KEY": "0123456789abcdef" * 4,
        "FERNET_KEYS": "fedcba9876543210" * 4,
        "DATABASE_URL": "postgres://invenicum:from-a-file@db.example.com:5432/inventory",
        "EMAIL_URL": "smtp+tls://user:from-a-file@mail.example.com:587",
    }
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data")}
    for name, value in values.items():
        (tmp_path / name).write_text(value + "\n")
        environment[f"{name}_FILE"] = str(tmp_path / name)
    code = (
        "from invenicum import settings as s; database = s.DATABASES['default'];"
        "print(s.SECRET_KEY, *s.FERNET_KEYS, database['PASSWORD'], database['NAME'], s.EMAIL_HOST_PASSWORD)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    read = answer.stdout.split()
    assert read == [values["SECRET_KEY"], values["FERNET_KEYS"], "from-a-file", "inventory", "from-a-file"]


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FERNET_KEYS"])
def test_a_production_start_without_its_keys_refuses_in_one_line(missing: str) -> None:
    keys = {"SECRET_KEY": "s", "FERNET_KEYS": "f"}
    del keys[missing]
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgres://localhost/x", **keys}
    answer = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert answer.stderr == (
        f"Configuration: Set {missing}: a production start needs its own keys (see docs/settings.md).\n"
    )

"""What a start with a bad setting says to the operator."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

from invenicum import settings as invenicum_settings

ROOT = Path(__file__).resolve().parents[2]


KEYS = {"SECRET_KEY": "s", "FERNET_KEYS": "f"}
NO_DATABASE = {"DATABASE_URL": "postgres://u:pass-word@127.0.0.1:1/x"}
CELERY = ("-m", "celery", "-A", "invenicum")


def start(tmp_path: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check`, or another command, with an environment of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *(command or ("manage.py", "check"))],
        cwd=ROOT,
        env=kept | {"DATA_DIR": str(tmp_path)} | variables,
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


@pytest.mark.parametrize(
    ("command", "variables", "said"),
    [
        ((*CELERY, "worker"), NO_DATABASE, "Set SECRET_KEY and FERNET_KEYS"),
        ((*CELERY, "worker"), {}, "Set CELERY_BROKER_URL"),
        (
            ("-m", "celery", "--quiet", "-A", "invenicum", "beat", "--pidfile="),
            {"CELERY_BROKER_URL": "memory://", "DATA_DIR": "/dev/null/data", **KEYS, **NO_DATABASE},
            "DATA_DIR=/dev/null/data is not usable: Not a directory",
        ),
        (("-m", "invenicum.web"), NO_DATABASE, "Set SECRET_KEY and FERNET_KEYS"),
        (("-m", "invenicum.web"), {"HOST": "192.0.2.1"}, "HOST=192.0.2.1 and PORT=8000 cannot be listened on"),
        (("manage.py", "migrate"), {"DATA_DIR": "/dev/null/data"}, "DATA_DIR=/dev/null/data is not usable"),
        (("manage.py", "migrate"), {**KEYS, **NO_DATABASE}, "The database cannot be used: "),
    ],
)
def test_what_stops_a_start_is_said_in_one_line_without_a_secret(
    tmp_path: Path, command: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    started = start(tmp_path, *command, **variables)
    assert started.returncode == 1
    [line] = started.stderr.splitlines()
    assert said in line
    assert "pass-word" not in line


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "http", '"PORT" invalid'),
        ("WEB_WORKERS", "0", '"WEB_WORKERS" invalid'),
        ("DATABASE_URL", "postgres://u:pass-word@host:port/x", "DATABASE_URL must be an address"),
        ("CELERY_BROKER_URL", "rabbit://u:pass-word@host", "CELERY_BROKER_URL must be an address"),
        ("EMAIL_URL", "mail.example.com:587", "EMAIL_URL must be an address"),
        ("PUBLIC_URL", "example.com", "PUBLIC_URL must be an address"),
        ("SAVE_RATE_LIMIT", "60", "SAVE_RATE_LIMIT must be a number and a period"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR"),
        ("DATABSE_URL_FILE", "/run/secrets/x", "did you mean DATABASE_URL_FILE?"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    for name in list(sys.modules):
        if name == "invenicum.settings" or name.startswith("invenicum.settings."):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises((ImproperlyConfigured, EnvError), match=re.escape(said)) as refused:
        importlib.import_module("invenicum.settings")
    assert "pass-word" not in str(refused.value)


def names_set_in(file: Path) -> set[str]:
    found = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Name))
    return {node.id for node in found if isinstance(node.ctx, ast.Store) and node.id.isupper() and node.id[0] != "_"}


def test_django_reads_every_setting_of_every_subject() -> None:
    subjects = {file.stem: names_set_in(file) for file in (ROOT / "invenicum/settings").glob("[a-z]*.py")}
    assert subjects.pop("mail") == {"MAIL"}  # whose items are the settings
    left_out = {
        (subject, name)
        for subject, names in subjects.items()
        for name in names
        if not hasattr(invenicum_settings, name)
    }
    assert left_out == set()
    everything = [name for names in subjects.values() for name in names]
    assert len(everything) == len(set(everything)) > 100

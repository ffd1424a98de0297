"""Checks the deployment files, as far as that is possible without a container engine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = ("worker", "jobs")
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCUMENTED = (ROOT / "docs/settings.md").read_text()
VARIABLE = re.compile(r"""(?:env\.\w+|secret|json_object|environ\.get)\(\s*f?["']([A-Z][A-Z_]+)["']""")
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


def test_the_example_environment_names_only_known_variables() -> None:
    names = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(names) - variables_read() == {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}


def test_every_service_has_a_health_check_and_starts_after_those_it_needs() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "jobs", "beat"}
    for name in ("postgres", "redis", "worker", "jobs", "beat"):
        assert SERVICES[name]["healthcheck"]["test"], name
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()  # of the web server
    for name in ("web", "worker", "jobs", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_each_queue_has_a_worker_of_its_own() -> None:
    served = {name: SERVICES[name]["command"][SERVICES[name]["command"].index("--queues") + 1] for name in WORKERS}
    assert sorted(served.values()) == sorted(settings.CELERY_TASK_QUEUES)
    assert served["worker"] == "celery"


def test_no_secret_has_a_default() -> None:
    for service in OURS.values():
        for name in ("SECRET_KEY", "FERNET_KEYS", "DATABASE_URL"):
            assert ":?" in service["environment"][name], name


SECRETS = {name for path in SOURCES for name in re.findall(r'[ (]secret\("([A-Z_]+)"\)', path.read_text())}


def test_every_variable_that_can_hold_a_secret_can_be_a_file_and_is_marked_so() -> None:
    marked = set(re.findall(r"^\| `([A-Z_]+)` \*secret\*", DOCUMENTED, re.MULTILINE))
    assert marked == SECRETS
    suspicious = {name for name in variables_read() if re.search("(_URL|KEYS?|SECRET|PASSWORD|TOKEN)$", name)}
    assert suspicious - SECRETS == {"PUBLIC_URL", "RECEIVER_SECRET"}  # the second is of the command `receive`


def test_every_secret_of_compose_is_in_the_example_and_explained() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", text))
    assert needed == set(re.findall(r"^([A-Z_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    explained = (ROOT / "docs/operations.md").read_text()
    assert [name for name in needed if f"`{name}`" not in explained] == []


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


def test_the_image_does_not_run_as_root_and_contains_every_package() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    user = next(number for number, line in enumerate(lines) if line.startswith("USER "))
    start = next(number for number, line in enumerate(lines) if line.startswith("CMD "))
    assert user < start
    assert "root" not in lines[user]
    copied = {line.split()[1] for line in lines if line.startswith("COPY ")}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied >= {"manage.py", "invenicum", "integrations", "oauth_flows", "webhooks", "templates"}
    assert {f"!{name}" for name in copied} <= {*ignored}


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

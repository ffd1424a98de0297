"""Checks docker-compose.yml as far as that is possible without a container engine; tests/machines/compose uses one."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from invenicum.env import SECRETS
from tests.tools import needs, tool

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = ("worker", "jobs")
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "invenicum-integrations"}
# Folders that an image declares as volumes: https://github.com/docker-library/postgres/blob/master/18/bookworm/Dockerfile
# and https://github.com/valkey-io/valkey-container/blob/mainline/8.1/alpine/Dockerfile
IMAGE_VOLUMES = {"postgres": "/var/lib/postgresql", "valkey": "/data"}


def test_every_service_has_a_health_check_and_starts_after_those_it_needs() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "jobs", "beat"}
    for name in ("nginx", "postgres", "valkey", "worker", "jobs", "beat"):
        assert SERVICES[name]["healthcheck"]["test"], name
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()  # of the web server
    for name in ("web", "worker", "jobs", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_image_is_built_once_by_the_service_that_starts_first() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    assert {service["pull_policy"] for service in OURS.values()} == {"never"}


def test_each_queue_has_a_worker_of_its_own() -> None:
    served = {name: SERVICES[name]["command"][SERVICES[name]["command"].index("--queues") + 1] for name in WORKERS}
    assert sorted(served.values()) == sorted(settings.CELERY_TASK_QUEUES)
    assert served["worker"] == "celery"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_and_cannot_change_its_image(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    # docker-init passes signals on as the container's user: it cannot stop an image that changes its user without KILL.
    # nginx keeps its master process as root, https://nginx.org/en/docs/control.html
    assert ("cap_add" in service) == (name == "nginx")
    assert name in OURS or name == "nginx" or service["user"] == name


def test_postgresql_is_healthy_when_it_can_be_reached_by_others() -> None:
    """Its image creates the database with a server that listens at the socket only, and ends that server.

    https://github.com/docker-library/postgres/blob/master/docker-entrypoint.sh (`docker_temp_server_start`)
    """
    assert "pg_isready --host 127.0.0.1 " in SERVICES["postgres"]["healthcheck"]["test"][1]


def test_no_volume_is_anonymous() -> None:
    mounted = [volume for service in SERVICES.values() for volume in service.get("volumes", ())]
    for volume in mounted:
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or source.startswith(("./", "${")), volume
    assert "VOLUME" not in re.findall(r"^[A-Z]+", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name, folder in IMAGE_VOLUMES.items():
        own = [*SERVICES[name].get("volumes", ()), *SERVICES[name]["tmpfs"]]
        assert any(mount.endswith(folder) for mount in own), name


def test_secrets_are_files_that_the_service_reads_and_the_script_makes(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    assert {name: secret["file"] for name, secret in COMPOSE["secrets"].items()} == {
        name: f"./secrets/{name}" for name in made
    }
    for name, service in OURS.items():
        files = {key: value for key, value in service["environment"].items() if key.endswith("_FILE")}
        assert {key.removesuffix("_FILE") for key in files} <= SECRETS
        assert {Path(value).name for value in files.values()} == set(service["secrets"]), name
        assert not SECRETS & service["environment"].keys()
    assert made["database_url"] == f"postgres://invenicum:{made['postgres_password']}@postgres:5432/invenicum"
    assert made["celery_broker_url"] == f"redis://:{made['valkey_password']}@valkey:6379/0"
    assert len(set(made.values())) == 6


def test_secrets_that_exist_are_kept_and_their_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = make_secrets(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # Containers read them as other users; a value of one's own can be written into them.
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o644}
    (folder / "celery_broker_url").unlink()
    assert make_secrets(tmp_path) == made


def make_secrets(folder: Path) -> dict[str, str]:
    subprocess.run([ROOT / "deploy/secrets.sh"], cwd=folder, check=True)
    return {path.name: path.read_text().strip() for path in (folder / "secrets").iterdir()}


def test_every_variable_of_compose_is_in_the_example_and_explained() -> None:
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    assert needed == set(re.findall(r"^([A-Z_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    explained = (ROOT / "docs/operations.md").read_text()
    assert [name for name in needed if f"`{name}`" not in explained] == []


def test_nginx_has_the_shipped_file_with_the_name_and_the_addresses_of_the_network() -> None:
    [_, _, script] = SERVICES["nginx"]["command"]
    edit = script.partition("/etc/invenicum/nginx.conf")[0].replace("$$", "$")
    shipped = ROOT / "deploy/nginx.conf"
    made = subprocess.run(
        ["sh", "-c", f"{edit} {shipped}"],
        env={"PATH": os.environ["PATH"], "SERVER_NAME": "things.example.org"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # A container that is replaced may get another address: https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve
    assert "zone service 64k; resolver 127.0.0.11 valid=2s; server web:8000 resolve;" in made
    assert "ssl_certificate_key /etc/ssl/things.example.org/privkey.pem;" in made
    assert "access_log /dev/stdout invenicum_integrations;" in made
    assert "error_log /dev/stderr crit;" in made
    settings_of = [line for line in made.splitlines() if not line.lstrip().startswith("#")]
    assert not any(re.search(r"integrations\.example\.com|127\.0\.0\.1\b", line) for line in settings_of)


@needs("docker-compose")
def test_the_file_has_the_form_that_compose_reads(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(TEXT)
    (tmp_path / ".env").write_text("SERVER_NAME=things.example.org\nTLS_FOLDER=/etc/ssl\n")
    command = [tool("docker-compose"), "config", "--format", "json"]
    read = json.loads(subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout)
    assert read["services"].keys() == SERVICES.keys()
    assert read["services"]["web"]["environment"]["PUBLIC_URL"] == "https://things.example.org"
    assert read["services"]["web"]["deploy"]["resources"]["limits"]["pids"] == 512

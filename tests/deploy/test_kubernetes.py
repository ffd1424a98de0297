"""Checks the manifests: built by Kustomize, valid for Kubernetes, and in agreement with the rest of the service."""

import shutil
import subprocess
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from invenicum.env import SECRETS
from invenicum.version import VERSION
from tests.tools import tool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
OLDEST, NEWEST = "1.31", "1.37"


@cache
def built(folder: Path) -> list[dict[str, Any]]:
    """What `kubectl apply --kustomize` sends for a folder."""
    made = subprocess.run([tool("kustomize"), "build", folder], capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(made))


def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in built(FOLDER) if one["kind"] in kinds}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_each_resource_is_valid(version: str) -> None:
    for resource in built(FOLDER):
        kubernetes_validate.validate(resource, version, strict=True)
    assert len(built(FOLDER)) == 15


def test_each_process_is_bounded_watched_and_without_rights() -> None:
    assert set(of_kind("Deployment")) == {"web", "worker", "jobs", "beat"}
    for name, workload in of_kind("Deployment", "Job").items():
        pod = workload["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for each in (container, *pod.get("initContainers", ())):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in each["resources"]["limits"]
            assert each["image"] == f"invenicum-integrations:{VERSION}"
        if workload["kind"] == "Deployment":
            assert "livenessProbe" in container, name
            [waiting] = pod["initContainers"]
            assert waiting["command"] == ["python", "manage.py", "migrate", "--check"]


def test_processes_are_started_as_everywhere() -> None:
    procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line[0] != "#")
    for name in ("worker", "jobs", "beat"):
        [container] = of_kind("Deployment")[name]["spec"]["template"]["spec"]["containers"]
        assert sorted(set(procfile[name].split()) - set(container["command"])) == [], name


def test_secrets_are_files_under_the_names_that_the_script_makes() -> None:
    [settings] = of_kind("ConfigMap").values()
    files = {name: value for name, value in settings["data"].items() if name.endswith("_FILE")}
    assert {name.removesuffix("_FILE") for name in files} <= SECRETS
    script = (ROOT / "deploy/secrets.sh").read_text()
    for path in files.values():
        assert Path(path).parent == Path("/run/secrets/invenicum")
        assert f"keep {Path(path).name} " in script


def test_workers_are_added_while_deliveries_wait() -> None:
    [autoscaler] = of_kind("HorizontalPodAutoscaler").values()
    [metric] = autoscaler["spec"]["metrics"]
    name = metric["external"]["metric"]["name"]
    assert name == "invenicum_oldest_undelivered_seconds"
    assert name in (ROOT / "webhooks/engine/metrics.py").read_text()
    assert "replicas" not in of_kind("Deployment")["worker"]["spec"]


def test_private_networks_cannot_be_reached() -> None:
    policy = next(one for one in built(FOLDER) if one["metadata"]["name"] == "outgoing")
    blocks = [to["ipBlock"] for rule in policy["spec"]["egress"] for to in rule.get("to", ())]
    excepted = {network for block in blocks for network in block["except"]}
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"} <= excepted


def test_the_overlay_of_the_documentation_names_its_image_and_address(tmp_path: Path) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    written = page.partition("    # my-cluster/kustomization.yaml\n")[2].partition("\nThen:")[0]
    cluster = tmp_path / "my-cluster"
    cluster.mkdir()
    (cluster / "kustomization.yaml").write_text(textwrap.dedent(written))
    (cluster / "ingress.yaml").write_text("kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {name: own}\n")
    shutil.copytree(FOLDER, tmp_path / "deploy/kubernetes")
    made = {(one["kind"], one["metadata"]["name"]): one for one in built(cluster)}
    [container] = made["Deployment", "web"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example.com/invenicum-integrations:{VERSION}"
    [settings] = [one["data"] for (kind, _), one in made.items() if kind == "ConfigMap"]
    [shipped] = of_kind("ConfigMap").values()
    assert settings == shipped["data"] | {"PUBLIC_URL": "https://integrations.example.com"}
    assert len(made) == len(built(FOLDER)) + 1

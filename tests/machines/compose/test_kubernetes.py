"""The image as the manifests of deploy/kubernetes start it: user, rights, files and probes of their pods, with Docker.

A pod's volumes are what the kubelet makes of `emptyDir` and `secret` with an `fsGroup`:
https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

import os
import shutil
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.machines.compose.installation import Installation
from tests.machines.engine import Engine
from tests.tools import ROOT, tool
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("secret")
LOOK_SECONDS = 0.5  # between two probes: each starts a program
GROUP = 10001  # `fsGroup` of the pods


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    """The pods of the manifests by name, and the variables of their ConfigMap as `variables`."""
    command = [tool("kustomize"), "build", str(ROOT / "deploy/kubernetes")]
    made = list(yaml.safe_load_all(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in made
        if "template" in each.get("spec", {})
    }
    [variables] = [each["data"] for each in made if each["kind"] == "ConfigMap"]
    return {**pods, "variables": variables}


@pytest.fixture(scope="module")
def secrets(installation: Installation) -> Path:
    """A folder with the secrets, as a pod mounts it."""
    folder = installation.folder.parent / "pod-secrets"
    shutil.copytree(installation.folder / "secrets", folder)
    for file in folder.iterdir():
        os.chown(file, 0, GROUP)
        file.chmod(0o440)
    folder.chmod(0o755)
    return folder


def empty_folder(parent: Path) -> Path:
    """As the kubelet makes it for `emptyDir`."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    os.chown(folder, 0, GROUP)
    folder.chmod(0o2777)
    return folder


def options(pod: dict[str, Any], container: dict[str, Any], variables: dict[str, str], secrets: Path) -> list[str]:
    """What `docker run` is told so that a container has what it has in its pod."""
    user, own = pod["securityContext"], container["securityContext"]
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    found = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    found += [f"--user={user['runAsUser']}:{user['runAsGroup']}", f"--group-add={user['fsGroup']}"]
    found += [f"--memory={container['resources']['limits']['memory'].removesuffix('i')}"]
    found += [f"--env={name}={value}" for name, value in variables.items()]
    for mount in container["volumeMounts"]:
        is_secret = mount["name"] == "secrets"
        folder = secrets if is_secret else empty_folder(secrets.parent)
        found.append(f"--volume={folder}:{mount['mountPath']}{':ro' if is_secret else ''}")
    return found


def passes(engine: Engine, installation: Installation, name: str, probe: dict[str, Any]) -> bool:
    """Whether a container answers a probe of its pod."""
    time.sleep(LOOK_SECONDS)
    if "exec" in probe:
        command = ["docker", "exec", name, *probe["exec"]["command"]]
        return subprocess.run(command, env=engine.environment, capture_output=True).returncode == 0
    assert probe["httpGet"]["port"] == "http"
    try:
        return requests.get(f"http://{installation.address(name)}:8000{probe['httpGet']['path']}", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_what_is_done_before_pods_start_succeeds(
    manifests: dict[str, Any], installation: Installation, engine: Engine, secrets: Path
) -> None:
    variables = manifests["variables"]
    pods = (manifests["migrate"], manifests["web"] | {"containers": manifests["web"]["initContainers"]})
    for pod in pods:
        [container] = pod["containers"]
        network = f"--network={installation.project}_default"
        given = options(pod, container, variables, secrets)
        engine.docker("run", "--rm", network, *given, container["image"].split(":")[0], *container["command"])


def test_each_pod_passes_its_probes_and_ends_in_time(
    manifests: dict[str, Any], installation: Installation, engine: Engine, secrets: Path
) -> None:
    started = {}
    for name in ("web", "worker", "jobs", "beat"):
        [container] = manifests[name]["containers"]
        given = options(manifests[name], container, manifests["variables"], secrets)
        command, image = container.get("command", ()), container["image"].split(":")[0]
        started[name] = installation.start_beside(f"pod-{name}", *command, options=given, image=image)
    for name, pod in started.items():
        [container] = manifests[name]["containers"]
        probes = [value for key, value in container.items() if key.endswith("Probe")]
        assert probes, name
        for probe in probes:
            wait_until(partial(passes, engine, installation, pod, probe), f"{name} passes {probe}")
        engine.docker("stop", f"--time={manifests[name]['terminationGracePeriodSeconds']}", pod)
        assert engine.docker("inspect", "--format", "{{.State.ExitCode}}", pod).strip() == "0", name

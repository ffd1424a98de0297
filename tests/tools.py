"""Programs and packages that tests need and that not every machine has.

A test that needs one which is missing is skipped, and says what installs it; with REQUIRE_TOOLS=1, as in CI, it fails.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAYLOADS = ".venv/payloads/node_modules"


class Tool(NamedTuple):
    """What it is called on the PATH, or its path below the repository, the best first; and what installs it."""

    found_as: tuple[str, ...]
    target: str


TOOLS = {
    "caddy": Tool(("caddy",), "proxies"),
    "chromium": Tool(("chromium", "google-chrome"), "browser"),
    "client tools": Tool((".venv/clients/bin/python",), "client-python client-dart"),
    "debootstrap": Tool(("debootstrap",), "machines"),
    # Where Docker's client looks for plugins: https://github.com/docker/cli/blob/master/cli-plugins/manager/manager_unix.go
    "docker-compose": Tool(
        (
            ".venv/machines/docker/cli-plugins/docker-compose",
            "/usr/local/lib/docker/cli-plugins/docker-compose",
            "/usr/libexec/docker/cli-plugins/docker-compose",
            "/usr/lib/docker/cli-plugins/docker-compose",
        ),
        "compose",
    ),
    "dockerd": Tool(("dockerd",), "engine"),
    "go": Tool(("go",), "interpreters"),
    "hadolint": Tool(("hadolint",), "check"),
    "iptables": Tool(("iptables",), "machines"),
    "java": Tool(("java",), "interpreters"),
    "jsonwebtoken": Tool(("clients/typescript/node_modules/jsonwebtoken",), "node client-typescript"),
    "kustomize": Tool((".venv/kustomize/bin/kustomize", "kustomize"), "kustomize"),
    "nginx": Tool(("nginx",), "proxies"),
    "node": Tool(("node", "nodejs"), "node"),
    "octokit's payloads": Tool((f"{PAYLOADS}/@octokit/webhooks-examples",), "node payloads"),
    "octokit's signer": Tool((f"{PAYLOADS}/@octokit/webhooks-methods",), "node payloads"),
    "oidc-provider": Tool((".venv/oidc-provider/node_modules/oidc-provider",), "node oidc-provider"),
    "pgbouncer": Tool(("pgbouncer",), "pgbouncer"),
    "php": Tool(("php",), "interpreters"),
    "promtool": Tool(("promtool",), "monitoring"),
    "ruby": Tool(("ruby",), "interpreters"),
    "s3rver": Tool((".venv/s3rver/node_modules/s3rver",), "node s3rver"),
    "slack bolt": Tool((f"{PAYLOADS}/@slack/bolt",), "node payloads"),
    "systemd-analyze": Tool(("systemd-analyze",), "systemd"),
    "systemd-nspawn": Tool(("systemd-nspawn",), "machines"),
}


def find(name: str) -> str | None:
    """The path of a tool of TOOLS; None if it is not on this machine."""
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"))
    for each in TOOLS[name].found_as:
        if "/" not in each:
            path = shutil.which(each, path=folders)
        else:
            path = str(ROOT / each) if (ROOT / each).exists() else None
        if path:
            return path
    return None


def tool(name: str) -> str:
    """The path of a tool of TOOLS; skips the test if it is missing, or fails it if REQUIRE_TOOLS is set."""
    path = find(name)
    return path or missing(name, TOOLS[name].target)


def missing(what: str, target: str) -> NoReturn:
    """Skips or fails the test as `tool` does. `target`: what `make` installs it with."""
    message = f"{what} is not on this machine: make {target}"
    if "REQUIRE_TOOLS" in os.environ:
        pytest.fail(message)
    pytest.skip(message)


def needs(*names: str) -> pytest.MarkDecorator:
    """A mark for tests, or for a module (`pytestmark`), that need tools of TOOLS."""
    assert TOOLS.keys() >= set(names)
    return pytest.mark.needs(*names)

"""A container engine for tests: the one that runs on this machine, or one that is started for them."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.services import end_with_parent
from tests.waiting import wait_until

# Where `make engine` puts the Compose plugin if the machine has none.
CLIENT_FOLDER = Path(__file__).parents[2] / ".venv/machines/docker"
COMMAND_SECONDS = 300.0  # building an image is the longest
BRIDGE = Path("/sys/class/net/docker0")  # which an engine makes and leaves
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def client_environment() -> dict[str, str]:
    """The environment in which `docker compose` is found."""
    own = {"DOCKER_CONFIG": str(CLIENT_FOLDER)} if (CLIENT_FOLDER / "cli-plugins").exists() else {}
    return {**os.environ, **own, "DOCKER_CLI_HINTS": "false"}


class Engine:
    """An engine for the time of a `with` block. One that ran before is left alone; its images stay what they were."""

    def __init__(self) -> None:
        self.environment = client_environment()
        self._process: subprocess.Popen[bytes] | None = None
        self._tagged: dict[str, str] = {}

    def __enter__(self) -> "Engine":
        if subprocess.run(["docker", "version"], env=self.environment, capture_output=True).returncode:
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._stop()
            return
        for tag, before in self._tagged.items():
            self.docker("rmi", "--force", tag, check=False)
            if before:
                self.docker("tag", before, tag)

    def docker(self, *arguments: str | Path, check: bool = True) -> str:
        """What a command of Docker prints, on both streams. Raises AssertionError if it fails and `check`."""
        return run("docker", *arguments, environment=self.environment, check=check)

    def owns(self, tag: str) -> str:
        """Notes that the tests use a tag, so that it names afterwards what it named before. Returns the tag."""
        self._tagged.setdefault(tag, self.image(tag))
        return tag

    def image(self, tag: str) -> str:
        """The id of an image, or nothing."""
        return self.docker("images", "--quiet", "--no-trunc", tag).strip()

    def _start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="invenicum-engine-"))
        self._had_bridge = BRIDGE.exists()
        FORWARDING.write_text("1")  # or the engine would do it, and refuse to pass on packets of others; it stays so
        socket = self._folder / "docker.sock"
        self.environment["DOCKER_HOST"] = f"unix://{socket}"
        command = ["dockerd", f"--host=unix://{socket}", f"--data-root={self._folder}/data"]
        command += [f"--exec-root={self._folder}/run", f"--pidfile={self._folder}/pid"]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=end_with_parent)
        wait_until(self._answers, "the engine answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        return subprocess.run(["docker", "version"], env=self.environment, capture_output=True).returncode == 0

    def _stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(COMMAND_SECONDS)
        if not self._had_bridge:  # or it is another engine's, and the rules too
            subprocess.run(["ip", "link", "delete", BRIDGE.name], stderr=subprocess.DEVNULL)
            for table in ("nat", "filter"):
                _remove_rules(table)
        shutil.rmtree(self._folder, ignore_errors=True)


def _remove_rules(table: str) -> None:
    """Removes from a table of iptables what an engine leaves in it, and nothing else."""
    rules = run("iptables", "--wait", "--table", table, "--list-rules").splitlines()
    for rule in rules:
        if rule.startswith("-A") and re.search(rf"\b({BRIDGE.name}|DOCKER[A-Z0-9-]*)\b", rule):
            run("iptables", "--wait", "--table", table, *shlex.split(rule.replace("-A", "-D", 1)))
    for chain in [rule.split()[1] for rule in rules if rule.startswith("-N DOCKER")]:
        run("iptables", "--wait", "--table", table, "--delete-chain", chain)


def run(
    *command: str | Path, environment: dict[str, str] | None = None, folder: Path | None = None, check: bool = True
) -> str:
    """What a command prints, on both streams. Raises AssertionError with it if the command fails and `check`."""
    answer = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=COMMAND_SECONDS,
    )
    assert not check or answer.returncode == 0, f"{' '.join(map(str, command))}\n{answer.stdout[-4000:]}"
    return answer.stdout

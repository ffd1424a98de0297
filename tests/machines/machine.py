"""A Debian that is booted with systemd on this machine, and commands that are run in it."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.machines import debian, network
from tests.machines.control_groups import ControlGroups
from tests.machines.network import Network
from tests.machines.terminal import answer
from tests.processes import is_running
from tests.services import end_with_parent
from tests.waiting import wait_until

COMMAND_SECONDS = 300.0  # installing packages is the longest
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PREFIX = "invenicum-machine-"
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
NAME_FAILURE = "trap 'echo \"It failed: $BASH_COMMAND\"' ERR"


class Machine:
    """A machine in a folder. It is removed at the end of its `with` block.

    root: the folder with its files. address: where this machine reaches it.
    """

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.network = Network()
        self.address = self.network.address
        self._groups = ControlGroups(self.network.name)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Machine":
        try:
            _remove_leftovers()
            debian.copy(self.root)
            self.network.__enter__()
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            if leader := self._leader():
                os.kill(leader, signal.SIGKILL)  # everything in the machine ends with its first process
            else:
                self._process.kill()
            self._process.wait()
        self.network.__exit__()
        self._groups.remove()
        shutil.rmtree(self.root, ignore_errors=True)

    def boot(self) -> None:
        """Starts the machine. Returns when everything that it starts by itself has started, or failed."""
        command = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={self.root}",
            f"--machine={self.network.name}",
            *self._groups.options,
        ]
        command += [f"--network-namespace-path={self.network.namespace}", "--resolv-conf=off", "--timezone=off"]
        command += ["--link-journal=no", "--console=pipe", "--boot"]
        self._groups.make()
        with (self.root / "console").open("ab") as console:
            self._process = subprocess.Popen(
                command,
                # One tree of control groups, as Debian 12 has it, whichever this machine has.
                env={"PATH": PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                preexec_fn=self._prepare,
            )
        wait_until(self._takes_commands, "the machine takes commands")
        self.run("systemctl is-system-running --wait", check=False)

    def _prepare(self) -> None:
        self._groups.enter()
        end_with_parent()

    def shut_down(self) -> None:
        """As `systemctl poweroff`: services are stopped, then the machine."""
        assert self._process is not None
        self.run("systemctl poweroff", check=False)
        self._process.wait(timeout=COMMAND_SECONDS)

    def run(
        self, script: str, *, folder: str = "/root", check: bool = True, variables: Mapping[str, str] = NO_VARIABLES
    ) -> str:
        """What a script prints that root's shell runs in the machine; both streams. It ends at the first error.

        folder: where it runs. check: it must succeed. variables: more environment. Raises AssertionError.
        """
        command = [*self.within(), "env", "-i", f"--chdir={folder}", "HOME=/root", "LANG=C.UTF-8", f"PATH={PATH}"]
        command += [f"{name}={value}" for name, value in variables.items()]
        ran = subprocess.run(
            [*command, "bash", "-e", "-o", "pipefail", "-c", f"{NAME_FAILURE}\n{script}" if check else script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert not check or ran.returncode == 0, f"{script}\nended with {ran.returncode}:\n{ran.stdout}"
        return ran.stdout

    def converse(self, command: str, answers: dict[str, str]) -> None:
        """Runs a command that asks questions on a terminal. answers: by a part of each question, in their order."""
        within = shlex.join([*self.within(), "env", "-i", f"PATH={PATH}", "TERM=dumb", "sh", "-c", command])
        answer(within, list(answers.items()), self.root, os.environ)

    def within(self) -> list[str]:
        """What is written before a command so that it runs in the machine."""
        return ["nsenter", f"--target={self._leader()}", "-m", "-u", "-i", "-n", "-p", "-C", "--"]

    def _leader(self) -> int:
        """The machine's first process, as this machine calls it."""
        assert self._process is not None
        assert self._process.poll() is None, (self.root / "console").read_text()[-2000:]
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _takes_commands(self) -> bool:
        if not self._leader():
            return False
        return self.run("systemctl is-system-running", check=False).strip() in {"starting", "running", "degraded"}


def _remove_leftovers() -> None:
    """Of a run that was killed: its process is not there any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        process = int(folder.name.split("-")[2])
        if not is_running(process):
            network.remove(process)
            ControlGroups(network.name(process)).remove()
            shutil.rmtree(folder)

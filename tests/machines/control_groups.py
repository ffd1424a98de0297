"""A control group of its own for a machine, so that its services are not confused with those of another."""

import os
import re
from contextlib import suppress
from pathlib import Path


class ControlGroups:
    """The same group in each tree that systemd uses: that of version 2, and its own of version 1.

    name: of the group. Where systemd runs this machine it makes the group itself, and this does nothing.
    """

    def __init__(self, name: str) -> None:
        mounts = Path("/proc/self/mountinfo").read_text()
        trees = re.findall(r"^(?:\S+ ){4}(\S+) .* - (?:cgroup2 |cgroup \S+ \S*\bname=systemd\b)", mounts, re.MULTILINE)
        managed = Path("/run/systemd/system").exists()
        self._folders = [] if managed else [Path(tree, name) for tree in trees]
        # For systemd-nspawn: whether it tells systemd about the machine.
        self.options = () if managed else ("--register=no", "--keep-unit")

    def make(self) -> None:
        for folder in self._folders:
            folder.mkdir(exist_ok=True)

    def enter(self) -> None:
        """Moves the calling process into the group: for `preexec_fn`."""
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        for folder in self._folders:
            for path, _, _ in os.walk(folder, topdown=False):
                with suppress(OSError):  # a process that is just ending
                    Path(path).rmdir()

"""Child processes that are stopped together, and never outlive the process that started them."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

# Reads the children's ids until its input ends, which happens when the parent is gone, even if it was killed. Then it
# stops the children that are left, and kills them after three seconds.
GUARD = """
while read -r id; do groups="$groups -$id"; done
kill -s TERM -- $groups
sleep 3
kill -s KILL -- $groups
"""
CHILD_STOP_SECONDS = 10.0


class ChildEnded(Exception):
    """A child ended by itself."""

    def __init__(self, name: str, status: int):
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        super().__init__(f"{name} {how}")


class Family:
    """A context manager whose children are stopped at the end of its block."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = subprocess.Popen(  # noqa: S603 - our own script
            ["/bin/sh", "-c", GUARD], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def __enter__(self) -> "Family":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        # A session of its own: Ctrl-C in the terminal reaches only the parent, which then stops every child once.
        child = subprocess.Popen(command, cwd=self._folder, env=environment, start_new_session=True)  # noqa: S603
        self._children[name] = child
        assert self._guard.stdin is not None
        self._guard.stdin.write(b"%d\n" % child.pid)
        self._guard.stdin.flush()

    def check(self) -> None:
        """Raises ChildEnded if a child has ended."""
        for name, child in self._children.items():
            status = child.poll()
            if status is not None:
                raise ChildEnded(name, status)
        if self._guard.poll() is not None:
            raise ChildEnded("The guard", self._guard.returncode)

    def stop(self) -> None:
        """Tells every child to stop and waits for it; kills those that take too long."""
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + CHILD_STOP_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._guard.kill()
        self._guard.communicate()

"""Which process a worker is, and whether it still runs. On Linux only: elsewhere no process is known to be dead."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from invenicum.per_process import PerProcess


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, e.g. `ProcessIdentity("3f1c… pid:[4026531836]", 4711, 8812345)`.

    `machine` names the boot of the machine and the namespace of process ids: containers have their own. `started` is
    in ticks of that boot's clock; a process id is used again, with another start.
    """

    machine: str
    id: int
    started: int


def this_process() -> ProcessIdentity | None:
    """This process; None if the system does not tell what is needed to recognise it."""
    return _this_process.get()


def _identify() -> ProcessIdentity | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        machine = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None
    started = _start_of(os.getpid())
    return ProcessIdentity(machine, os.getpid(), started) if started is not None else None


def is_running(process_id: int, started: int) -> bool:
    """Whether a process of this machine still runs: one that ended and was not waited for does not."""
    return _start_of(process_id) == started


_this_process = PerProcess(_identify)


def _start_of(process_id: int) -> int | None:
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])  # proc_pid_stat(5): 3 is the state, 22 the start

"""Runs a command at a terminal and types answers to what it asks, as a person does."""

import fcntl
import os
import pty
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path

from tests.machines.engine import COMMAND_SECONDS


def answer(
    command: str, answers: list[tuple[str, str]], folder: Path, environment: Mapping[str, str], seconds: float = 60.0
) -> str:
    """What a shell's command prints. answers: pairs of a text that is waited for, and the line to type then.

    Raises AssertionError if the command fails or asks for something else.
    """
    own, its = pty.openpty()
    process = subprocess.Popen(
        command,
        shell=True,
        cwd=folder,
        env=dict(environment),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(its)
    os.set_blocking(own, False)
    output, waiting = "", list(answers)
    deadline = time.monotonic() + seconds
    while process.poll() is None or waiting:
        output += _read(own)
        if waiting and waiting[0][0] in output.rpartition("\x00")[2]:
            os.write(own, waiting[0][1].encode() + b"\n")
            output += "\x00"  # the next question comes after this one
            del waiting[0]
        assert time.monotonic() < deadline, f"{command} waits: {output}"
        time.sleep(0.05)
    output += _read(own)
    os.close(own)
    assert process.wait(COMMAND_SECONDS) == 0, f"{command}: {output}"
    return output.replace("\x00", "")


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65_536).decode(errors="replace")
    except OSError:  # nothing to read yet, or the other side is closed
        return ""

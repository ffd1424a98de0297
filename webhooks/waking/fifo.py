"""Wakes the `deliver` loop of this machine through a named pipe. A byte is a wake-up; writing never blocks."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

READ_BYTES = 4096


def path() -> Path:
    """The pipe. A process that can write to it can make the loop look for work, and nothing else."""
    return Path(settings.DATA_DIR) / "wake"


def send(what: str) -> None:
    """Wakes the loop for `what`, one ASCII character. Does nothing if no loop runs, or if the pipe is full."""
    try:
        pipe = os.open(path(), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # there is no pipe, or no process reads it
        return
    try:
        with suppress(BlockingIOError):
            os.write(pipe, what.encode())
    finally:
        os.close(pipe)


def hear() -> Iterator[str]:
    """Yields "" when the pipe is open, then wake-ups as they arrive, without repetitions. Raises OSError."""
    with suppress(FileExistsError):
        os.mkfifo(path(), 0o600)
    # Also for writing: else it would read an end of file each time that a publisher has closed it.
    pipe = os.open(path(), os.O_RDWR)
    try:
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            raise FileExistsError(f"{path()} is no pipe")
        yield ""
        while True:
            yield from dict.fromkeys(os.read(pipe, READ_BYTES).decode("ascii", "ignore"))
    finally:
        os.close(pipe)

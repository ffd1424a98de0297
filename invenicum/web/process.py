"""What a worker process of the web server does for itself."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from invenicum import tracing

from .answers import Receive, Send

PARENT_LOOK_SECONDS = 1.0
STOP_SECONDS = 2.0
# How long a client may take nothing of what was sent before the system ends its connection.
UNREAD_MILLISECONDS = 30_000

# Is cancelled when the process stops, and may then take STOP_SECONDS to finish.
Task = Callable[[], Coroutine[Any, Any, None]]


class ProcessDuties:
    """ASGI's lifespan: begins what the process does beside answering requests. `beside`: what else it is to run."""

    def __init__(self, beside: Sequence[Task] = ()) -> None:
        self._parent = os.getppid()
        self._beside = beside

    async def run(self, receive: Receive, send: Send) -> None:
        await receive()
        loop = asyncio.get_running_loop()
        loop.call_soon(bound_unread_answers)  # the server listens when the start is complete
        tasks = [loop.create_task(task()) for task in (self._end_with_parent, *self._beside)]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await send({"type": "lifespan.shutdown.complete"})
        loop.call_soon(_end)

    async def _end_with_parent(self) -> None:
        """Stops this process if the server that started it was killed, and so can no longer stop it."""
        while os.getppid() == self._parent:
            await asyncio.sleep(PARENT_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)


def _end() -> None:
    """Ends the process, all of whose requests are answered, without taking down the interpreter.

    The server's own threads would then abort the process with a message, and calls that hang would hold it up.
    """
    tracing.flush()
    logging.shutdown()
    os._exit(0)


def bound_unread_answers() -> None:
    """Sets TCP_USER_TIMEOUT on the listening sockets of this process, from which accepted connections inherit it.

    Linux ends a connection whose window has been closed for that long, even if its client confirms the probes. The
    server has no option for it, and its sockets are not visible from Python.
    """
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return  # not Linux
    for name in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(Path("/proc/self/fd", name)).startswith("socket:"):
                continue
            candidate = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # closed meanwhile
            continue
        with candidate:
            is_tcp = candidate.family in (socket.AF_INET, socket.AF_INET6) and candidate.type == socket.SOCK_STREAM
            if is_tcp and candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MILLISECONDS)

"""Granian's settings. `python -m invenicum.web` starts the web server."""

import multiprocessing
import resource
import socket
import sys

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from invenicum import settings

# For a request's line and headers, and for the next request on a connection that is kept open.
HEADERS_SECONDS = 15
HEADERS_BYTES = 64 * 1024
STOP_SECONDS = 8  # what was taken in is answered until then
# Of one process. Each costs a file descriptor and some kilobytes, no thread.
MAX_CONNECTIONS = 4096
OTHER_FILES = 256  # descriptors for everything that is not a client's connection
BACKLOG = 1024


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    # The same on every system and Python: a worker inherits no lock, and none of the parent's threads.
    multiprocessing.set_start_method("spawn")
    Server(
        "invenicum.asgi:application",
        address=_address(settings.HOST, settings.PORT),
        port=settings.PORT,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.WEB_WORKERS,
        backlog=BACKLOG,
        backpressure=_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_SECONDS * 1000, max_buffer_size=HEADERS_BYTES),
        # An address may hold an OAuth code, so there is no access log here; a proxy in front can leave it out.
        log_access=False,
        log_dictconfig=settings.LOGGING,
        log_level=_log_level(settings.LOGGING["root"]["level"], is_embedded=settings.EMBEDDED),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    ).serve()


def _log_level(chosen: str, *, is_embedded: bool) -> LogLevels:
    """How much of its own Granian logs; `make run` says by itself that it has started."""
    return LogLevels.warning if is_embedded and chosen in {"DEBUG", "INFO"} else LogLevels(chosen.lower())


def _address(host: str, port: int) -> str:
    """The address of `host`. Ends the process if this machine cannot listen there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        sys.exit(f"Configuration: HOST={host} and PORT={port} cannot be listened on: {error.args[-1]}.")
    return str(address[0])


def _connections() -> int:
    """How many connections a process may have, after as many file descriptors have been allowed as can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max(64, min(MAX_CONNECTIONS, soft - OTHER_FILES))

"""Calling a WSGI application, such as Django's, with a request that has arrived completely."""

import io
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

from invenicum.api.errors import PAYLOAD_TOO_LARGE, ApiError

from .answers import Answer, Headers, Scope
from .routes import ROUTE

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

# An answer that is made piece by piece is collected up to this size before it is sent.
COLLECTED_BYTES = 1024 * 1024


class Unread:
    """The input of a request that announces more than `limit` bytes: nothing of it is read."""

    def __init__(self, limit: int):
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        raise ApiError(413, PAYLOAD_TOO_LARGE, f"The body is larger than {self._limit} bytes")

    readline = read


def call(application: Application, scope: Scope, body: io.BytesIO | Unread) -> Answer:
    """The application's answer, to be called in a thread. Its `rest` is None or must be iterated to its end."""
    head: list[tuple[int, Headers]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        encoded = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
        head[:] = [(int(status[:3]), encoded)]
        return _refuse_write

    environ = _environ(scope, body)
    result = application(environ, start_response)
    route = environ.get(ROUTE, "")
    if path := _path_of(result, scope):
        _close(result)
        return Answer(*head[0], file=path, route=route)
    pieces = _pieces(result)
    first = next(pieces, b"")
    second = next(pieces, b"") if len(first) >= COLLECTED_BYTES else b""
    if second:
        return Answer(*head[0], first, rest=_chain(second, pieces), route=route)
    # Not left to the garbage collector, which may run in any thread: Django closes connections of the one it runs in.
    pieces.close()
    return Answer(*head[0], first, route=route)


def _environ(scope: Scope, body: io.BytesIO | Unread) -> Environ:
    server, client = scope.get("server") or ("localhost", "80"), scope.get("client") or ("", "")
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in scope["headers"]:
        # X_Forwarded_For would become the same variable as X-Forwarded-For, which only a proxy may set.
        if b"_" in name:
            continue
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        separator = "; " if name == b"cookie" else ","
        environ[key] = f"{environ[key]}{separator}{text}" if key in environ else text
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    length = environ.pop("HTTP_CONTENT_LENGTH", "")
    if isinstance(body, Unread):
        environ |= {"wsgi.input": body, "CONTENT_LENGTH": length}
    else:
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        size = body.getbuffer().nbytes
        environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(size) if size or length else ""}
    return environ


def _path_of(result: Iterable[bytes], scope: Scope) -> str:
    """The path of the file that is the whole answer; empty if the answer is anything else."""
    if not isinstance(result, FileWrapper) or "http.response.pathsend" not in scope.get("extensions", ()):
        return ""
    file = result.filelike
    is_whole_file = isinstance(file, io.BufferedReader) and isinstance(file.name, str) and file.tell() == 0
    return file.name if is_whole_file else ""


def _pieces(result: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The application's output in pieces of about COLLECTED_BYTES; closes it at the end."""
    try:
        collected: list[bytes] = []
        size = 0
        for chunk in result:
            collected.append(chunk)
            size += len(chunk)
            if size >= COLLECTED_BYTES:
                yield b"".join(collected)
                collected, size = [], 0
        if collected:
            yield b"".join(collected)
    finally:
        _close(result)


def _chain(piece: bytes, pieces: Generator[bytes, None, None]) -> Iterator[bytes]:
    try:
        yield piece
        yield from pieces
    finally:
        pieces.close()


def _close(result: Iterable[bytes]) -> None:
    getattr(result, "close", lambda: None)()


def _refuse_write(data: bytes) -> None:
    raise NotImplementedError("WSGI's write() is not supported")

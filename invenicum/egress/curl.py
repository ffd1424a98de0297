"""Drives flows (`integrations.core.http.Flow`) on libcurl, one or thousands at once, under one policy.

The only code of the service that opens an outgoing socket to an address that came from a user.
"""

import errno
import os
import re
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Generic, Self, TypeVar

import certifi
import pycurl
from django.conf import settings

from integrations.core.errors import ErrorClass, TimedOut, TransportError
from integrations.core.http import Flow, Request, Response

from .policy import Network, ascii_url, closed_because, origin, url_problem

Key = TypeVar("Key")
T = TypeVar("T")

USER_AGENT = "Invenicum-Integrations/1.0"
EXCERPT_LENGTH = 1000
MAX_HEADER_BYTES = 64 * 1024

# What pycurl has no name for: https://curl.se/libcurl/c/symbols-in-versions.html
_DISALLOW_USERNAME_IN_URL = 278
_SUPPRESS_CONNECT_HEADERS = 265
_E_TOO_LARGE = 100


def _certificates() -> str:
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


@dataclass(frozen=True)
class Options:
    """The policy of a driver. Seconds and bytes; `connections` bounds what is open at once, idle ones included."""

    timeout: float = 15.0
    connect_timeout: float = 5.0
    body_limit: int = 64 * 1024
    connections: int = 2000
    allow: tuple[Network, ...] = ()
    # The proxy then decides which addresses may be reached; here only the form of the URL is checked.
    proxy: str = ""
    certificates: str = field(default_factory=_certificates)

    @classmethod
    def from_settings(cls) -> "Options":
        return cls(timeout=settings.DELIVERY_TIMEOUT, allow=settings.EGRESS_ALLOW, proxy=settings.EGRESS_PROXY)


@dataclass(slots=True)
class Finished(Generic[Key]):
    """A flow that has ended: with `result`, or with `error` (any exception, where the flow itself is at fault).

    `status` and `excerpt` are of the last response that came; nothing of a request is kept.
    """

    key: Key
    result: Any
    error: Exception | None
    started_at: datetime
    duration: float
    status: int | None
    excerpt: str


class FlowDriver(Generic[Key]):
    """Drives many flows at once over one pool of connections. For one thread, in the process that made it.

    Waiting costs nothing per flow: libcurl is only told of sockets on which something happened.
    """

    def __init__(self, options: Options | None = None):
        self.options = options or Options.from_settings()
        self._transfers: dict[Any, _Transfer[Key]] = {}
        self._idle: list[_Transfer[Key]] = []
        self._finished: list[Finished[Key]] = []
        self._epoll = select.epoll()
        self._sockets: set[int] = set()
        self._writing: set[int] = set()
        self._multi = pycurl.CurlMulti()
        connections = min(self.options.connections, _file_limit())
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)

    @property
    def in_flight(self) -> int:
        return len(self._transfers) - len(self._idle)

    def start(self, key: Key, flow: Flow[Any], timeout: float | None = None) -> None:
        """Takes `flow` to its first request. All its requests together have `timeout` seconds."""
        transfer = self._idle.pop() if self._idle else self._new_transfer()
        transfer.begin(key, flow, self.options.timeout if timeout is None else timeout)
        self._advance(transfer, flow.send, None)

    def poll(self, timeout: float) -> list[Finished[Key]]:
        """The flows that have ended, as soon as there is one, or after `timeout` seconds, or when none is left."""
        ends = time.monotonic() + timeout
        while True:
            self._turn(0 if self._finished or not self.in_flight else max(0.0, ends - time.monotonic()))
            if self._finished or not self.in_flight or time.monotonic() >= ends:
                finished, self._finished = self._finished, []
                return finished

    def close(self) -> None:
        """Drops the flows in flight and closes every connection."""
        idle = set(map(id, self._idle))
        for curl, transfer in self._transfers.items():
            if id(transfer) not in idle:
                with suppress(pycurl.error):
                    self._multi.remove_handle(curl)
                _abandon(transfer.flow)
        self._multi.close()
        for curl in self._transfers:
            curl.close()
        self._transfers.clear()
        self._idle.clear()
        self._epoll.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _turn(self, wait: float) -> None:
        """Waits until a socket or a timer calls, at most `wait` seconds, and lets libcurl act on it."""
        due = self._multi.timeout()  # milliseconds, -1 for never
        if 0 <= due < wait * 1000:
            wait = due / 1000
        events = self._epoll.poll(wait)
        for descriptor, _ in events:
            self._multi.socket_action(descriptor, 0)
        if due == 0 or not events:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        remaining = 1
        while remaining:
            remaining, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._answered(self._transfers[curl])
            for curl, code, message in failed:
                self._failed(self._transfers[curl], code, message)

    def _answered(self, transfer: "_Transfer[Key]") -> None:
        self._multi.remove_handle(transfer.curl)
        response = transfer.take_response(self.options.body_limit)
        self._advance(transfer, transfer.flow.send, response)

    def _failed(self, transfer: "_Transfer[Key]", code: int, message: str) -> None:
        if code == pycurl.E_WRITE_ERROR and len(transfer.body) > self.options.body_limit:
            self._answered(transfer)  # enough was read
            return
        self._multi.remove_handle(transfer.curl)
        error = _transport_error(transfer, code, message)
        transfer.forget_response()
        self._advance(transfer, transfer.flow.throw, error)

    def _advance(self, transfer: "_Transfer[Key]", step: Callable[[Any], Request], value: Any) -> None:
        """Lets the flow take a step and sends the request that it yields."""
        for _ in range(5):  # a flow that goes on yielding what cannot be sent must not hold up the others
            try:
                request = step(value)
            except StopIteration as stop:
                return self._finish(transfer, stop.value, None)
            except Exception as error:  # noqa: BLE001 - whatever a flow raises concerns that flow alone
                return self._finish(transfer, None, error)
            try:
                transfer.prepare(request)
                self._multi.add_handle(transfer.curl)
            except Exception as error:  # noqa: BLE001 - shown to the flow at the request that caused it
                step, value = transfer.flow.throw, error
            else:
                return None
        _abandon(transfer.flow)
        return self._finish(transfer, None, value)

    def _finish(self, transfer: "_Transfer[Key]", result: Any, error: Exception | None) -> None:
        self._finished.append(transfer.end(result, error))
        self._idle.append(transfer)

    def _new_transfer(self) -> "_Transfer[Key]":
        curl = pycurl.Curl()
        transfer: _Transfer[Key] = _Transfer(curl, self.options)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, partial(self._open_socket, transfer))
        self._transfers[curl] = transfer
        return transfer

    def _open_socket(self, transfer: "_Transfer[Key]", purpose: int, address: Any) -> int:
        """Called by libcurl for each address it is about to dial: whatever the name was, this is what counts."""
        if not self.options.proxy:
            host = address.addr[0] if address.family in (socket.AF_INET, socket.AF_INET6) else ""
            transfer.closed_because = closed_because(host, self.options.allow)
            if transfer.closed_because:
                return int(pycurl.SOCKET_BAD)
        try:
            descriptor = socket.socket(address.family, address.socktype, address.protocol).detach()
        except OSError:
            return int(pycurl.SOCKET_BAD)
        self._epoll.register(descriptor, _EDGES)
        self._sockets.add(descriptor)
        return descriptor

    def _watch(self, interest: int, descriptor: int, multi: Any, data: Any) -> None:
        """Called by libcurl when its interest in a socket changes, which is twice a request.

        A connection is registered with epoll once for its whole life, edge-triggered, so most changes need no
        system call. Edges do for reading, which libcurl does until nothing is left, but not for writing.
        """
        if descriptor not in self._sockets:  # the bell of libcurl's resolver threads
            if interest == pycurl.POLL_REMOVE:
                self._epoll.unregister(descriptor)
            else:
                with suppress(FileExistsError):
                    self._epoll.register(descriptor, select.EPOLLIN)
        elif interest & pycurl.POLL_OUT and interest != pycurl.POLL_REMOVE:
            self._epoll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT)
            self._writing.add(descriptor)
        elif descriptor in self._writing:
            self._epoll.modify(descriptor, _EDGES)
            self._writing.discard(descriptor)


def run_flow(flow: Flow[T], timeout: float | None = None, options: Options | None = None) -> T:
    """Drives one flow to its end: returns its result or raises its error."""
    with FlowDriver[None](options) as driver:
        driver.start(None, flow, timeout)
        while True:
            for finished in driver.poll(60):
                if finished.error:
                    raise finished.error
                result: T = finished.result
                return result


class ResponseHeaders(Mapping[str, str]):
    """Header lines as they came, taken apart when somebody looks. Repeated ones are joined with commas."""

    __slots__ = ("_lines", "_parsed")

    def __init__(self, lines: bytes):
        self._lines = lines
        self._parsed: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._parse()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parse())

    def __len__(self) -> int:
        return len(self._parse())

    def __repr__(self) -> str:
        return repr(self._parse())

    def _parse(self) -> dict[str, str]:
        if self._parsed is None:
            self._parsed = {}
            for line in self._lines[:MAX_HEADER_BYTES].decode("latin-1").split("\r\n"):
                name, colon, value = line.partition(":")
                if not colon:
                    if line.startswith("HTTP/"):  # an interim response (100, 103) came before
                        self._parsed.clear()
                    continue
                name, value = name.strip().lower(), value.strip()
                self._parsed[name] = f"{self._parsed[name]}, {value}" if name in self._parsed else value
        return self._parsed


_EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# They frame the message, and a wrong one would let one user's request swallow the next on the same connection.
_FRAMING = frozenset({"connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer"}) | {
    "transfer-encoding",
    "upgrade",
}


class _Transfer(Generic[Key]):
    """One reusable easy handle, and the flow that it serves at the moment."""

    __slots__ = (
        "body",
        "closed_because",
        "confidential",
        "curl",
        "deadline",
        "excerpt",
        "flow",
        "headers",
        "key",
        "method",
        "milliseconds",
        "started",
        "started_at",
        "status",
        "url",
    )
    key: Key
    flow: Flow[Any]

    def __init__(self, curl: Any, options: Options):
        self.curl = curl
        self.headers: list[bytes] = []
        self.body = bytearray()
        self.method = ""
        self.milliseconds = 0
        self.closed_because: str | None = None
        self.confidential = False
        body, limit = self.body, options.body_limit

        def write(chunk: bytes) -> int | None:
            body.extend(chunk)
            return 0 if len(body) > limit else None  # 0 ends the transfer

        curl.setopt(pycurl.WRITEFUNCTION, write)
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(_DISALLOW_USERNAME_IN_URL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        # Set even when empty: what is not set is read from the environment.
        curl.setopt(pycurl.PROXY, options.proxy)
        curl.setopt(pycurl.NOPROXY, "")
        curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.HTTP_CONTENT_DECODING, 0)
        curl.setopt(pycurl.USERAGENT, USER_AGENT)
        # Kept-alive connections ask no name again, and libcurl walks through its whole cache after every transfer.
        curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, round(options.connect_timeout * 1000))
        curl.setopt(pycurl.CAINFO, options.certificates)
        curl.unsetopt(pycurl.CAPATH)  # with a folder, libcurl would read all certificates again for each connection
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)

    def begin(self, key: Key, flow: Flow[Any], timeout: float) -> None:
        self.key = key
        self.flow = flow
        self.started_at = datetime.now(UTC)
        self.started = time.monotonic()
        self.deadline = self.started + timeout
        self.status: int | None = None
        self.excerpt = b""
        self.url = ""

    def prepare(self, request: Request) -> None:
        """Sets everything by which one request differs from another, since the handle may have served anyone."""
        curl = self.curl
        self.url = request.url
        self.closed_because = None
        self.confidential = request.confidential
        milliseconds = round((self.deadline - time.monotonic()) * 1000)
        if milliseconds <= 0:
            raise TimedOut(f"The time was up before {origin(request.url)} could be asked.")
        if milliseconds != self.milliseconds:
            curl.setopt(pycurl.TIMEOUT_MS, milliseconds)
            self.milliseconds = milliseconds
        try:
            curl.setopt(pycurl.URL, ascii_url(request.url))
        except ValueError:
            raise _unacceptable(request.url) from None
        curl.setopt(pycurl.HTTPHEADER, _header_lines(request))
        method = request.method
        if method != self.method:
            if not _TOKEN.fullmatch(method):
                raise TransportError("The method of a request must be a single word.", "blocked")
            curl.setopt(pycurl.NOBODY, method == "HEAD")
            curl.setopt(pycurl.CUSTOMREQUEST, method)
            self.method = method
        if request.body or method in _BODY_METHODS:
            curl.setopt(pycurl.POSTFIELDS, request.body)
        elif method != "HEAD":
            curl.setopt(pycurl.HTTPGET, 1)

    def take_response(self, body_limit: int) -> Response:
        body = bytes(self.body[:body_limit])
        self.status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        self.excerpt = b"" if self.confidential else body[: EXCERPT_LENGTH * 4]
        response = Response(self.status, ResponseHeaders(b"".join(self.headers)), body)
        self.forget_response()
        return response

    def forget_response(self) -> None:
        self.headers.clear()
        self.body.clear()

    def end(self, result: Any, error: Exception | None) -> Finished[Key]:
        # PostgreSQL cannot store the NUL character.
        excerpt = self.excerpt.decode("utf-8", "replace")[:EXCERPT_LENGTH].replace("\0", "\N{REPLACEMENT CHARACTER}")
        duration = time.monotonic() - self.started
        finished = Finished(self.key, result, error, self.started_at, duration, self.status, excerpt)
        del self.key, self.flow
        return finished


def _header_lines(request: Request) -> list[str] | list[bytes]:
    names, values = tuple(request.headers), request.headers.values()
    prefixes, extra = _header_names(names, bool(request.body))
    lines = [prefix + value for prefix, value in zip(prefixes, values, strict=True)]
    text = "".join(values)
    if "\n" in text or "\r" in text or "\0" in text:
        raise TransportError("A header's value must not contain a line break.", "blocked")
    if text.isascii() and all(values):
        return lines + extra
    # libcurl takes "Name:" for a header to leave out, and "Name;" for one without a value.
    lines = [line if value.strip() else f"{line.partition(':')[0]};" for line, value in zip(lines, values, strict=True)]
    return [line.encode() for line in lines + extra]


@lru_cache(maxsize=1000)
def _header_names(names: tuple[str, ...], has_body: bool) -> tuple[list[str], list[str]]:
    """What stands before each value, and the lines that keep libcurl from adding headers of its own."""
    lower = {name.lower() for name in names}
    for name in names:
        if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
            error = TransportError(f"The header {name[:100]!r} cannot be sent.", "blocked")
            error.permanent = True
            raise error
    return [f"{name}: " for name in names], ["Expect:"] + ([] if "content-type" in lower else ["Content-Type:"])


def _abandon(flow: Flow[Any]) -> None:
    with suppress(Exception):
        flow.close()


def _file_limit() -> int:
    """How many files this process may open, less a few for everything else."""
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100, 50)


def _unacceptable(url: str) -> TransportError:
    error = TransportError(f"{origin(url)} {url_problem(url) or 'is not a valid address'}.", "blocked")
    error.permanent = True
    return error


_TLS_CODES = {
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_CACERT,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_ISSUER_ERROR,
    pycurl.E_SSL_INVALIDCERTSTATUS,
}
_URL_CODES = {pycurl.E_URL_MALFORMAT, pycurl.E_LOGIN_DENIED}
_DNS_CODES = {pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY}


def _transport_error(transfer: _Transfer[Any], code: int, message: str) -> TransportError:
    place = origin(transfer.url)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        what = "did not answer" if transfer.curl.getinfo(pycurl.REQUEST_SIZE) else "could not be reached"
        return TimedOut(f"{place} {what} within {round(transfer.curl.getinfo(pycurl.TOTAL_TIME), 1):g} s.")
    # libcurl reports the same code for a scheme it may not use and for an answer that is no HTTP.
    if code in _URL_CODES or (code == pycurl.E_UNSUPPORTED_PROTOCOL and url_problem(transfer.url)):
        return _unacceptable(transfer.url)
    if code == pycurl.E_COULDNT_CONNECT and transfer.closed_because:
        return TransportError(
            f"{place} leads to {transfer.closed_because}, which may not be reached from here; "
            "whoever runs this service can allow it with EGRESS_ALLOW.",
            "blocked",
        )
    what, error_class = _explanation(code, message, transfer.curl.getinfo(pycurl.OS_ERRNO))
    return TransportError(f"{place} {what}.", error_class)


def _explanation(code: int, message: str, system_error: int) -> tuple[str, ErrorClass]:
    if code in _DNS_CODES:
        return "could not be found: its name does not resolve", "dns"
    if code == pycurl.E_COULDNT_CONNECT:
        if system_error == errno.ECONNREFUSED:
            return "refused the connection", "refused"
        return "could not be reached", "connect"
    if code in _TLS_CODES:
        return f"could not be trusted: {message[:200]}", "tls"
    if code == pycurl.E_GOT_NOTHING:
        return "closed the connection without an answer", "reset"
    if code == _E_TOO_LARGE or "Too large" in message:
        return "sent more headers than are read", "reset"
    return "broke the connection or did not speak HTTP", "reset"

"""Drives flows (`integrations.core.http.Flow`) on libcurl, one or thousands at once, under one policy.

The only code of the service that opens outgoing sockets to addresses that users gave.
"""

import select
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, Self, TypeVar

import pycurl

from ..core.errors import TimedOut
from ..core.http import Flow, Request, Response
from ..core.redaction import redact
from .failures import transport_error
from .options import Options
from .policy import closed_because, origin
from .transfer import Transfer

__all__ = ["Finished", "FlowDriver", "Options", "run_flow"]

Key = TypeVar("Key")
T = TypeVar("T")

MAX_EXCERPT_LENGTH = 1000
# More than the excerpt needs, so that a secret that crosses its end is still recognised and hidden.
_EXCERPT_SOURCE_BYTES = 8 * MAX_EXCERPT_LENGTH
# A flow that keeps yielding requests that cannot be sent must not block the others.
_MAX_UNSENDABLE_IN_A_ROW = 5
_EDGE_TRIGGERED = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


@dataclass(slots=True)
class Finished(Generic[Key]):
    """A flow that has ended, with `result` or with `error` (any exception if the flow itself has a defect).

    `duration` is in seconds. `status` and `excerpt` are of the last response; the request is not kept.
    """

    key: Key
    result: Any
    error: Exception | None
    started_at: datetime
    duration: float
    status: int | None
    excerpt: str


class FlowDriver(Generic[Key]):
    """Drives many flows at once over one pool of connections. For use by one thread, not after a fork."""

    def __init__(self, options: Options | None = None):
        self.options = options or Options.from_settings()
        self._runs: dict[pycurl.Curl, _Run[Key]] = {}
        self._idle: list[Transfer] = []
        self._transfers: list[Transfer] = []
        self._finished: list[Finished[Key]] = []
        self._epoll = select.epoll()
        self._connections: set[int] = set()
        self._writing: set[int] = set()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, self.options.connections)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, self.options.connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)

    @property
    def in_flight(self) -> int:
        return len(self._runs)

    @property
    def oldest(self) -> float:
        """When the oldest flow in flight was started, in seconds of the monotonic clock; inf if there is none."""
        return min((run.started for run in self._runs.values()), default=float("inf"))

    def start(self, key: Key, flow: Flow[Any], timeout: float | None = None, secrets: Collection[str] = ()) -> None:
        """Runs `flow` up to its first request, which `poll` then sends.

        `key` is returned with the result. All requests of the flow together have `timeout` seconds (by default, the
        options'). `secrets` are hidden in the excerpt if a response repeats them.
        """
        transfer = self._idle.pop() if self._idle else self._new_transfer()
        run = _Run(key, flow, transfer, self.options.timeout if timeout is None else timeout, secrets)
        self._advance(run, flow.send, None)

    def poll(self, timeout: float) -> list[Finished[Key]]:
        """The flows that have ended, as soon as there is one, after `timeout` seconds, or if none is in flight."""
        ends = time.monotonic() + timeout
        while True:
            self._turn(0 if self._finished or not self._runs else max(0.0, ends - time.monotonic()))
            if self._finished or not self._runs or time.monotonic() >= ends:
                finished, self._finished = self._finished, []
                return finished

    def close(self) -> None:
        """Drops the flows in flight and closes every connection."""
        for curl, run in self._runs.items():
            self._multi.remove_handle(curl)
            run.abandon()
        self._runs.clear()
        self._multi.close()
        for transfer in self._transfers:
            transfer.curl.close()
        self._transfers.clear()
        self._idle.clear()
        self._epoll.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _turn(self, wait: float) -> None:
        """Waits for a socket or a timer, at most `wait` seconds, and lets libcurl act on it."""
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
                self._ended(curl, pycurl.E_OK, "")
            for curl, code, message in failed:
                self._ended(curl, code, message)

    def _ended(self, curl: pycurl.Curl, code: int, message: str) -> None:
        """Gives the flow the response to its request, or the error."""
        self._multi.remove_handle(curl)
        run = self._runs.pop(curl)
        transfer = run.transfer
        if code == pycurl.E_OK or transfer.read_enough(code):
            run.response = transfer.response()
            run.response_is_confidential = run.request_is_confidential
            self._advance(run, run.flow.send, run.response)
        else:
            error = transport_error(transfer.url, curl, code, message, transfer.closed_because)
            self._advance(run, run.flow.throw, error)

    def _advance(self, run: "_Run[Key]", step: Callable[[Any], Request], value: Any) -> None:
        """Resumes the flow, and gives libcurl the request that it yields."""
        for _ in range(_MAX_UNSENDABLE_IN_A_ROW):
            try:
                request = step(value)
            except StopIteration as stop:
                return self._finish(run, stop.value, None)
            except Exception as error:  # noqa: BLE001 - an error of one flow must not affect the others
                return self._finish(run, None, error)
            try:
                run.transfer.prepare(request, run.seconds_left(request))
            except Exception as error:  # noqa: BLE001 - raised inside the flow, at its request
                step, value = run.flow.throw, error
            else:
                run.request_is_confidential = request.confidential
                self._multi.add_handle(run.transfer.curl)
                self._runs[run.transfer.curl] = run
                return None
        run.abandon()
        return self._finish(run, None, value)

    def _finish(self, run: "_Run[Key]", result: Any, error: Exception | None) -> None:
        self._idle.append(run.transfer)
        self._finished.append(
            Finished(
                key=run.key,
                result=result,
                error=error,
                started_at=run.started_at,
                duration=time.monotonic() - run.started,
                status=run.response.status if run.response else None,
                excerpt=run.excerpt(),
            )
        )

    def _new_transfer(self) -> Transfer:
        transfer = Transfer(self.options)
        transfer.curl.setopt(pycurl.OPENSOCKETFUNCTION, partial(self._open_socket, transfer))
        self._transfers.append(transfer)
        return transfer

    def _open_socket(self, transfer: Transfer, purpose: int, address: Any) -> int:
        """Called by libcurl for each address before it connects: checks the address itself, whatever name led to it."""
        if not self.options.proxy:
            host = address.addr[0] if address.family in (socket.AF_INET, socket.AF_INET6) else ""
            transfer.closed_because = closed_because(host, self.options.allow)
            if transfer.closed_because:
                return int(pycurl.SOCKET_BAD)
        try:
            descriptor = socket.socket(address.family, address.socktype, address.protocol).detach()
        except OSError:  # too many open files
            return int(pycurl.SOCKET_BAD)
        self._epoll.register(descriptor, _EDGE_TRIGGERED)
        self._connections.add(descriptor)
        return descriptor

    def _watch(self, interest: int, descriptor: int, multi: pycurl.CurlMulti, data: Any) -> None:
        """Called by libcurl when its interest in a socket changes, which is twice a request.

        A connection is registered with epoll once for its whole life, edge-triggered, so that most changes and closing
        need no system call. Edge triggering is enough for reading, because libcurl reads until nothing is left, but
        not for writing.
        """
        if descriptor not in self._connections:  # the wake-up socket of libcurl's resolver threads, one per driver
            if interest == pycurl.POLL_REMOVE:
                self._epoll.unregister(descriptor)
            else:
                self._epoll.register(descriptor, select.EPOLLIN)
        elif interest in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            self._epoll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT)
            self._writing.add(descriptor)
        elif descriptor in self._writing:
            self._epoll.modify(descriptor, _EDGE_TRIGGERED)
            self._writing.discard(descriptor)


def run_flow(flow: Flow[T], timeout: float | None = None, options: Options | None = None) -> T:
    """Drives one flow to its end: returns its result or raises its error. `timeout` is in seconds for all requests."""
    with FlowDriver[None](options) as driver:
        driver.start(None, flow, timeout)
        while True:
            for finished in driver.poll(60):
                if finished.error:
                    raise finished.error
                result: T = finished.result
                return result


class _Run(Generic[Key]):
    """A flow in flight, and the transfer that it uses until it ends."""

    __slots__ = (
        "_deadline",
        "_secrets",
        "flow",
        "key",
        "request_is_confidential",
        "response",
        "response_is_confidential",
        "started",
        "started_at",
        "transfer",
    )

    def __init__(self, key: Key, flow: Flow[Any], transfer: Transfer, timeout: float, secrets: Collection[str]):
        self.key = key
        self.flow = flow
        self.transfer = transfer
        self.request_is_confidential = False
        self.response: Response | None = None
        self.response_is_confidential = False
        self.started_at = datetime.now(UTC)
        self.started = time.monotonic()
        self._deadline = self.started + timeout
        self._secrets = secrets

    def seconds_left(self, request: Request) -> float:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimedOut(f"The time ran out before a request to {origin(request.url)} was sent.")
        return seconds

    def excerpt(self) -> str:
        if not (self.response and self.response.body) or self.response_is_confidential:
            return ""
        # PostgreSQL cannot store the NUL character.
        text = (
            self.response.body[:_EXCERPT_SOURCE_BYTES]
            .decode("utf-8", "replace")
            .replace("\0", "\N{REPLACEMENT CHARACTER}")
        )
        return (redact(text, self._secrets) if self._secrets else text)[:MAX_EXCERPT_LENGTH]

    def abandon(self) -> None:
        with suppress(Exception):
            self.flow.close()

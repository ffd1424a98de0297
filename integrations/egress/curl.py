"""Drives flows (`integrations.core.http.Flow`) on libcurl, one or thousands at once, under one policy.

The only code of the service that opens outgoing sockets to addresses that users gave.
"""

import socket
import time
from collections.abc import Callable, Collection, Hashable
from functools import partial
from typing import Any, Generic, Self, TypeVar

import pycurl

from ..core.http import Flow, Request
from .failures import transport_error, unknown_name
from .judgement import needs_lookup, reachable, refusal
from .lookups import Addresses, Answers, Lookups, process_lookups
from .options import Options
from .runs import Finished, Run
from .sockets import sockets
from .steps import StepMeter
from .transfer import Transfer
from .waiting import Waiting

__all__ = ["Finished", "FlowDriver", "Options", "run_flow"]

Key = TypeVar("Key")
T = TypeVar("T")

# A flow that keeps yielding requests that cannot be sent must not block the others.
_MAX_UNSENDABLE_IN_A_ROW = 5


class FlowDriver(Generic[Key]):
    """Drives many flows at once over one pool of connections. For use by one thread, not after a fork."""

    def __init__(self, options: Options | None = None, lookups: Lookups | None = None):
        self.options = options or Options.from_settings()
        self._lookups = lookups or process_lookups.get()
        self._answers = Answers()
        self._waiting: Waiting[Run[Key]] = Waiting()
        self._runs: dict[pycurl.Curl, Run[Key]] = {}
        self._idle: list[Transfer] = []
        self._transfers: list[Transfer] = []
        self._finished: list[Finished[Key]] = []
        self.steps: StepMeter[Key] = StepMeter()
        self.waited_seconds = 0.0  # for sockets and timers, ever: the thread had nothing else to do
        self._sockets = sockets()
        self._sockets.add(self._answers.descriptor)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, self.options.connections)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, self.options.connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)

    @property
    def in_flight(self) -> int:
        return len(self._runs) + len(self._waiting)

    @property
    def oldest(self) -> float:
        """When the oldest flow in flight was started, in seconds of the monotonic clock; inf if there is none."""
        return min((run.started for runs in (self._runs.values(), self._waiting) for run in runs), default=float("inf"))

    def start(
        self,
        key: Key,
        flow: Flow[Any],
        timeout: float | None = None,
        secrets: Collection[str] = (),
        account: Hashable = None,
    ) -> None:
        """Runs `flow` up to its first request, which `poll` then sends.

        `key` is returned with the result. All requests of the flow together have `timeout` seconds (by default, the
        options'). `secrets` are hidden in the excerpt if a response repeats them. `account` is whose flow it is,
        for which only a few names are looked up at once; None for the service itself.
        """
        transfer = self._idle.pop() if self._idle else self._new_transfer()
        run = Run(key, flow, transfer, self.options.timeout if timeout is None else timeout, secrets, account)
        self._advance(run, flow.send, None)

    def poll(self, timeout: float) -> list[Finished[Key]]:
        """The flows that have ended, as soon as there is one, after `timeout` seconds, or if none is in flight."""
        ends = time.monotonic() + timeout
        while True:
            self._turn(0 if self._finished or not self.in_flight else max(0.0, ends - time.monotonic()))
            if self._finished or not self.in_flight or time.monotonic() >= ends:
                finished, self._finished = self._finished, []
                return finished

    def close(self) -> None:
        """Drops the flows in flight and closes every connection."""
        for curl, run in self._runs.items():
            self._multi.remove_handle(curl)
            run.abandon()
        for _, run, _last in self._waiting.take_expired(float("inf")):
            run.abandon()
        self._runs.clear()
        self._multi.close()
        for transfer in self._transfers:
            transfer.curl.close()
        self._transfers.clear()
        self._idle.clear()
        self._sockets.close()
        self._answers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _turn(self, wait: float) -> None:
        """Waits for a socket or a timer, at most `wait` seconds, and lets libcurl act on it."""
        due = self._multi.timeout()  # milliseconds, -1 for never
        if 0 <= due < wait * 1000:
            wait = due / 1000
        if self._waiting:
            wait = max(0.0, min(wait, self._waiting.next_end() - time.monotonic()))
        began = time.monotonic()
        events = self._sockets.wait(wait)
        if wait:
            self.waited_seconds += time.monotonic() - began
        self.steps.begin_turn()
        for descriptor, _ in events:
            if descriptor == self._answers.descriptor:
                self._take_answers()
            else:
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
        if self._waiting:
            self._give_up_lookups()

    def _ended(self, curl: pycurl.Curl, code: int, message: str) -> None:
        """Gives the flow the response to its request, or the error."""
        self._multi.remove_handle(curl)
        run = self._runs.pop(curl)
        transfer = run.transfer
        if transfer.needs_lookup:
            self._look_up(run)
        elif code == pycurl.E_OK or transfer.read_enough(code):
            run.response = transfer.response()
            run.response_is_confidential = run.request_is_confidential
            self._advance(run, run.flow.send, run.response)
        else:
            error = transport_error(transfer.url, curl, code, message, transfer.refusal)
            self._advance(run, run.flow.throw, error)

    def _advance(self, run: Run[Key], step: Callable[[Any], Request], value: Any) -> None:
        """Resumes the flow, and gives libcurl the request that it yields."""
        for _ in range(_MAX_UNSENDABLE_IN_A_ROW):
            try:
                request = self.steps.run(run.key, step, value)
            except StopIteration as stop:
                return self._finish(run, stop.value, None)
            except Exception as error:  # noqa: BLE001 - an error of one flow must not affect the others
                return self._finish(run, None, error)
            try:
                run.transfer.prepare(request, run.seconds_left())
                run.request_is_confidential = request.confidential
                if not self.options.proxy or self._is_judged(run):
                    self._send(run)
            except Exception as error:  # noqa: BLE001 - raised inside the flow, at its request
                step, value = run.flow.throw, error
            else:
                return None
        run.abandon()
        return self._finish(run, None, value)

    def _send(self, run: Run[Key]) -> None:
        self._multi.add_handle(run.transfer.curl)
        self._runs[run.transfer.curl] = run

    def _is_judged(self, run: Run[Key]) -> bool:
        """Judges what a proxy is asked to reach; False if its name has to be looked up before. May raise."""
        url, (host, port) = run.transfer.url, run.transfer.host_and_port()
        if not needs_lookup(url, host, port, self.options):
            return True
        addresses = self._lookups.ask(host, run.account, self._answers)
        if addresses is None:
            self._wait_for(host, run)
            return False
        reachable(url, addresses, self.options)
        return True

    def _look_up(self, run: Run[Key]) -> None:
        """Sends the request as soon as the addresses of its host are known, which libcurl needs for a connection."""
        host, _ = run.transfer.host_and_port()
        addresses = self._lookups.ask(host, run.account, self._answers)
        if addresses is None:
            self._wait_for(host, run)
        else:
            self._looked_up(run, addresses)

    def _wait_for(self, host: str, run: Run[Key]) -> None:
        self._waiting.add(host, run, min(time.monotonic() + self.options.lookup_timeout, run.deadline))

    def _take_answers(self) -> None:
        for host, addresses in self._answers.take():
            for run in self._waiting.take(host):
                self._looked_up(run, addresses)

    def _give_up_lookups(self) -> None:
        for host, run, is_last in self._waiting.take_expired(time.monotonic()):
            if is_last:
                self._lookups.drop(host, self._answers)
            self._advance(
                run, run.flow.throw, unknown_name(run.transfer.url, "the name servers did not answer in time")
            )

    def _looked_up(self, run: Run[Key], addresses: Addresses) -> None:
        try:
            allowed = reachable(run.transfer.url, addresses, self.options)
            if not self.options.proxy:
                run.transfer.connect_to(allowed)
            run.transfer.limit(run.seconds_left())
        except Exception as error:  # noqa: BLE001 - raised inside the flow, at its request
            self._advance(run, run.flow.throw, error)
        else:
            self._send(run)

    def _finish(self, run: Run[Key], result: Any, error: Exception | None) -> None:
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
            host, port = address.addr[:2] if address.family in (socket.AF_INET, socket.AF_INET6) else ("", 0)
            transfer.refusal = refusal(host, port, self.options)
            if transfer.refusal:
                return int(pycurl.SOCKET_BAD)
        try:
            descriptor = socket.socket(address.family, address.socktype, address.protocol).detach()
        except OSError:  # too many open files
            return int(pycurl.SOCKET_BAD)
        self._sockets.opened(descriptor)
        return descriptor

    def _watch(self, interest: int, descriptor: int, multi: pycurl.CurlMulti, data: Any) -> None:
        self._sockets.watch(interest, descriptor)


def run_flow(
    flow: Flow[T], timeout: float | None = None, options: Options | None = None, account: Hashable = None
) -> T:
    """Drives one flow to its end: returns its result or raises its error. The parameters are those of `start`."""
    with FlowDriver[None](options) as driver:
        driver.start(None, flow, timeout, account=account)
        while True:
            for finished in driver.poll(60):
                if finished.error:
                    raise finished.error
                result: T = finished.result
                return result

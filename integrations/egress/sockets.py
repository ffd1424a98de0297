"""Waits until libcurl's sockets can be read or written: with epoll if the system has it, else with `selectors`."""

import os
import select
import selectors
import sys
from contextlib import suppress
from typing import Protocol

import pycurl

_WAKE_UP_BYTES = 4096  # read from a pipe at once; of an event there are eight

Ready = list[tuple[int, int]]  # descriptors that are ready, each with its events


class Sockets(Protocol):
    """The sockets of one driver. `opened` and `watch` are told what libcurl tells, `wait` says which are ready."""

    def add(self, descriptor: int) -> None:
        """Watches a descriptor that is not libcurl's, for reading."""

    def opened(self, descriptor: int) -> None:
        """A connection of libcurl has this descriptor."""

    def watch(self, interest: int, descriptor: int) -> None:
        """libcurl's interest in a socket has changed to one of `pycurl.POLL_…`, which happens twice a request."""

    def wait(self, seconds: float) -> Ready:
        """The sockets that are ready, at the latest after `seconds`."""

    def close(self) -> None: ...


def sockets() -> Sockets:
    return EdgeTriggered() if hasattr(select, "epoll") else LevelTriggered()


class EdgeTriggered:
    """With epoll, on Linux.

    A connection is registered once for its whole life, edge-triggered, so that most changes and closing need no system
    call. Edge triggering is enough for reading, because libcurl reads until nothing is left, but not for writing.
    """

    def __init__(self) -> None:
        self._edges = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
        self._epoll = select.epoll()
        self._connections: set[int] = set()
        self._writing: set[int] = set()
        self.wait = self._epoll.poll
        self.close = self._epoll.close

    def add(self, descriptor: int) -> None:
        self._epoll.register(descriptor, select.EPOLLIN)

    def opened(self, descriptor: int) -> None:
        self._epoll.register(descriptor, self._edges)
        self._connections.add(descriptor)

    def watch(self, interest: int, descriptor: int) -> None:
        if descriptor not in self._connections:  # the wake-up socket of libcurl's resolver threads, one per driver
            if interest == pycurl.POLL_REMOVE:
                self._epoll.unregister(descriptor)
            else:
                self._epoll.register(descriptor, select.EPOLLIN)
        elif interest in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            self._epoll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT)
            self._writing.add(descriptor)
        elif descriptor in self._writing:
            self._epoll.modify(descriptor, self._edges)
            self._writing.discard(descriptor)


class LevelTriggered:
    """With kqueue or poll, on macOS and other systems. What libcurl says is all that is watched."""

    _EVENTS = {
        pycurl.POLL_IN: selectors.EVENT_READ,
        pycurl.POLL_OUT: selectors.EVENT_WRITE,
        pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
    }

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def add(self, descriptor: int) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ)

    def opened(self, descriptor: int) -> None:
        pass

    def watch(self, interest: int, descriptor: int) -> None:
        events = self._EVENTS.get(interest)
        if descriptor in self._selector.get_map():
            # Also for a change: kqueue forgets a socket that was closed, and its number may be another's by now.
            self._selector.unregister(descriptor)
        if events:
            self._selector.register(descriptor, events)

    def wait(self, seconds: float) -> Ready:
        return [(key.fd, events) for key, events in self._selector.select(seconds)]


class WakeUp:
    """A descriptor that becomes readable when another thread calls `set`, until `clear`."""

    def __init__(self) -> None:
        if hasattr(os, "eventfd"):
            self.descriptor = self._writer = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        else:
            self.descriptor, self._writer = os.pipe()
            os.set_blocking(self.descriptor, False)
            os.set_blocking(self._writer, False)

    def set(self) -> None:
        with suppress(BlockingIOError):  # a pipe that is full is readable
            os.write(self._writer, (1).to_bytes(8, sys.byteorder))

    def clear(self) -> None:
        with suppress(BlockingIOError):
            while len(os.read(self.descriptor, _WAKE_UP_BYTES)) == _WAKE_UP_BYTES:
                pass

    def close(self) -> None:
        for descriptor in {self.descriptor, self._writer}:
            os.close(descriptor)

"""Resolves names in threads that all drivers of a process share: bounded in number, and by account.

A lookup occupies its thread until the system's resolver gives up, which takes it 10 to 40 seconds if a name server
never answers. libcurl has 20 threads for that in each driver, and would let the names of one account occupy them all.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from django.conf import settings

from invenicum.per_process import PerProcess

from .sockets import WakeUp

ANSWER_LIFETIME_SECONDS = 10.0  # new connections to the same host need no lookup for so long
MAX_KNOWN_NAMES = 10_000
MAX_ADDRESSES = 16  # of one name
# Threads that only names can have that were resolved before: names that never resolve cannot occupy all.
SHARE_FOR_KNOWN_NAMES = 0.25

Addresses = tuple[str, ...]  # empty for a name that does not resolve
Resolve = Callable[[str], Addresses]


def system_addresses(name: str) -> Addresses:
    """The addresses of `name` in the order in which they should be tried; empty if there are none. Blocks."""
    try:
        # As bytes, because Python's own encoding of names refuses some that resolve.
        found = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return ()
    addresses = (str(address[0]) for _, _, _, _, address in found)
    return tuple(dict.fromkeys(address for address in addresses if "%" not in address))[:MAX_ADDRESSES]


class Answers:
    """The answers for one driver. `descriptor` becomes readable when there are some."""

    def __init__(self) -> None:
        self._wake_up = WakeUp()
        self.descriptor = self._wake_up.descriptor
        self._found: deque[tuple[str, Addresses]] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def put(self, name: str, addresses: Addresses) -> None:
        with self._lock:
            if not self._closed:  # another file may have the number of a descriptor that is closed
                self._found.append((name, addresses))
                self._wake_up.set()

    def take(self) -> list[tuple[str, Addresses]]:
        with self._lock:
            self._wake_up.clear()
            found = list(self._found)
            self._found.clear()
            return found

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._wake_up.close()


@dataclass(slots=True)
class _Lookup:
    """A lookup that waits for a thread, or has one. `shares` are of those who asked; `share` had to pay for it."""

    name: str
    shares: set[Hashable] = field(default_factory=set)
    waiting: list[Answers] = field(default_factory=list)
    share: Hashable = None


class Lookups:
    """Resolves names for any number of drivers and threads.

    `most` lookups run at once, at most `most_per_share` of them for one share: an account, or None for the service
    itself, which has no limit of its own. A name is looked up once, however many ask for it at the same time.
    """

    def __init__(self, most: int, most_per_share: int, resolve: Resolve = system_addresses):
        self._most = most
        self._most_for_unknown = max(1, most - int(most * SHARE_FOR_KNOWN_NAMES))
        self._most_per_share = most_per_share
        self._resolve = resolve
        self._lock = threading.Lock()
        self._queued: dict[str, _Lookup] = {}
        self._running: dict[str, _Lookup] = {}
        self._running_of: Counter[Hashable] = Counter()
        self._known: OrderedDict[str, tuple[Addresses, float]] = OrderedDict()

    @property
    def running(self) -> int:
        return len(self._running)

    def ask(self, name: str, share: Hashable, answers: Answers) -> Addresses | None:
        """The addresses of `name` if they were found in the last seconds; otherwise None, and `answers` gets them."""
        with self._lock:
            known = self._known.get(name)
            if known and time.monotonic() < known[1] + ANSWER_LIFETIME_SECONDS:
                return known[0]
            lookup = self._running.get(name) or self._queued.setdefault(name, _Lookup(name))
            lookup.shares.add(share)
            lookup.waiting.append(answers)
            started = self._next()
        if started:
            self._start_thread(started)
        return None

    def drop(self, name: str, answers: Answers) -> None:
        """Says that `answers` no longer waits for `name`. A lookup that has begun goes on, for the next to ask."""
        with self._lock:
            lookup = self._running.get(name) or self._queued.get(name)
            if lookup:
                lookup.waiting = [other for other in lookup.waiting if other is not answers]
                if not lookup.waiting:
                    self._queued.pop(name, None)

    def _next(self) -> _Lookup | None:
        """Takes the first queued lookup that may have a thread now."""
        for lookup in self._queued.values():
            most = self._most if lookup.name in self._known else self._most_for_unknown
            if len(self._running) >= most:
                continue
            for share in lookup.shares:
                if share is None or self._running_of[share] < self._most_per_share:
                    lookup.share = share
                    self._running_of[share] += 1
                    self._running[lookup.name] = self._queued.pop(lookup.name)
                    return lookup
        return None

    def _start_thread(self, lookup: _Lookup) -> None:
        try:
            threading.Thread(target=self._work, args=(lookup,), name="lookup", daemon=True).start()
        except RuntimeError:  # the system has no thread left
            self._end(lookup, ())

    def _work(self, lookup: _Lookup | None) -> None:
        while lookup:
            lookup = self._end(lookup, self._resolve(lookup.name))

    def _end(self, lookup: _Lookup, addresses: Addresses) -> _Lookup | None:
        """Gives the addresses to all who wait. Returns the lookup that this thread does next."""
        with self._lock:
            del self._running[lookup.name]
            self._running_of[lookup.share] -= 1
            if not self._running_of[lookup.share]:
                del self._running_of[lookup.share]
            self._known.pop(lookup.name, None)
            if addresses:
                self._known[lookup.name] = addresses, time.monotonic()
                if len(self._known) > MAX_KNOWN_NAMES:
                    self._known.popitem(last=False)
            following = self._next()
        for answers in lookup.waiting:
            answers.put(lookup.name, addresses)
        return following


process_lookups = PerProcess(lambda: Lookups(settings.EGRESS_DNS_LOOKUPS, settings.EGRESS_DNS_LOOKUPS_PER_ACCOUNT))

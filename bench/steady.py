"""A steady load, and the latency of its events from their commit to the receiver."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bench.receivers import Receiver
from bench.shapes import Size, percentile
from bench.stand import Stand, wait_until

WARM_UP_SECONDS = 3.0  # not counted
QUICK_WARM_UP_SECONDS = 1.5
OPENING_SECONDS = 1.0  # for one event to each endpoint

Published = list[tuple[str, float, int]]


@dataclass
class Latency:
    """Milliseconds from the commit of an event to its request at the receiver."""

    p50: float
    p99: float
    worst: float
    count: int
    rate: float  # events published a second, possibly less than requested


def warm_up_seconds(size: Size) -> float:
    """For endpoints that all work. Those that do not need WARM_UP_SECONDS until the worker knows them."""
    return size.of(QUICK_WARM_UP_SECONDS, WARM_UP_SECONDS, WARM_UP_SECONDS)


class Publisher:
    """A process that publishes, with connections that stay open to the database and to the broker, if it has one."""

    def __init__(self, stand: Stand, broker: str = ""):
        self._file = stand.folder / "published.json"
        self._process = stand.conversation("-m", "bench.publisher", CELERY_BROKER_URL=broker)

    def publish(self, owners: Sequence[int], rate: float, seconds: float) -> Published:
        """Publishes events of the owners in turn. Returns the id of each, the time of its commit, and its owner."""
        order = {"rate": rate, "seconds": seconds, "batch": max(round(rate / 100), 1), "owners": [*owners]}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order | {"file": str(self._file)}).encode() + b"\n")
        self._process.stdin.flush()
        if not self._process.stdout.readline():
            raise RuntimeError("The publisher failed.")
        published: Published = json.loads(self._file.read_text())
        return published


def measure(
    publisher: Publisher,
    receiver: Receiver,
    owners: Sequence[int],
    rate: float,
    seconds: float,
    ignored: Collection[int] = (),
    warm_up: float = WARM_UP_SECONDS,
) -> Latency:
    """Publishes at `rate` events a second for `seconds`, after `warm_up` seconds that do not count.

    It waits until all have arrived. `ignored` are owners whose events need not arrive.
    """
    receiver.arrivals()
    return _read(receiver, publisher.publish(owners, rate, warm_up + seconds), ignored, warm_up)


def open_connections(publisher: Publisher, receiver: Receiver, owners: Sequence[int]) -> None:
    """Waits until the worker has started, and has sent an event of each owner."""
    rate = len(owners) / OPENING_SECONDS
    measure(publisher, receiver, owners, rate, OPENING_SECONDS, warm_up=0.0)


def _read(receiver: Receiver, published: Published, ignored: Collection[int], warm_up: float) -> Latency:
    """The latency of what was published. Raises TimeoutError if an event is missing after 60 seconds."""
    expected = {event: at for event, at, owner in published if owner not in ignored}
    arrivals: dict[str, float] = {}

    def are_here() -> bool:
        arrivals.update(receiver.arrivals())
        return arrivals.keys() >= expected.keys()

    wait_until(are_here, seconds=60, every=0.2)
    began = min(expected.values())
    taken = [(arrivals[event] - at) * 1000 for event, at in expected.items() if at >= began + warm_up]
    lasted = max(at for _, at, _ in published) - began
    return Latency(
        percentile(taken, 0.5), percentile(taken, 0.99), max(taken), len(taken), len(published) / max(lasted, 0.001)
    )

"""A steady load, and the latency of its events from their commit to the receiver."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bench.receivers import Receiver
from bench.shapes import percentile
from bench.stand import Stand, wait_until

WARM_UP_SECONDS = 3.0  # not counted


@dataclass
class Latency:
    """Milliseconds from the commit of an event to its request at the receiver."""

    p50: float
    p99: float
    worst: float
    count: int
    rate: float  # events published a second, possibly less than requested


def start_publisher(
    stand: Stand, owners: Sequence[int], rate: float, seconds: float, broker: str, name: str = "published"
) -> subprocess.Popen[bytes]:
    batch = max(round(rate / 100), 1)
    arguments = ("--rate", rate, "--seconds", seconds, "--batch", batch, "--owners", *owners)
    file = stand.folder / f"{name}.json"
    return stand.python("-m", "bench.publisher", str(file), *map(str, arguments), CELERY_BROKER_URL=broker)


def measure(
    stand: Stand,
    receiver: Receiver,
    owners: Sequence[int],
    rate: float,
    seconds: float,
    broker: str = "",
    ignored: Collection[int] = (),
) -> Latency:
    """Publishes at `rate` events a second for `seconds` and waits until all have arrived.

    `ignored` are owners whose events need not arrive. A first call whose result is not used waits for the workers.
    """
    receiver.arrivals()
    publisher = start_publisher(stand, owners, rate, WARM_UP_SECONDS + seconds, broker)
    if publisher.wait():
        raise RuntimeError("The publisher failed.")
    return read(stand, receiver, ignored)


def read(stand: Stand, receiver: Receiver, ignored: Collection[int] = (), name: str = "published") -> Latency:
    """The latency of what a publisher has published. Raises TimeoutError if an event is missing after 60 seconds."""
    published = json.loads((stand.folder / f"{name}.json").read_text())
    expected = {event: at for event, at, owner in published if owner not in ignored}
    arrivals: dict[str, float] = {}

    def are_here() -> bool:
        arrivals.update(receiver.arrivals())
        return arrivals.keys() >= expected.keys()

    wait_until(are_here, seconds=60, every=0.2)
    began = min(expected.values())
    taken = [(arrivals[event] - at) * 1000 for event, at in expected.items() if at > began + WARM_UP_SECONDS]
    lasted = max(at for _, at, _ in published) - began
    return Latency(
        percentile(taken, 0.5), percentile(taken, 0.99), max(taken), len(taken), len(published) / max(lasted, 0.001)
    )

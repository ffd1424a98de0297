"""Publishes at a steady rate in its own process, and records when each event was committed.

It is started as `python -m bench.publisher`.
It reads orders, one a line, as JSON: `{"rate": 20, "seconds": 10, "batch": 1, "owners": [1, 2, 3], "file": "…"}`, and
prints a line when it has written the file of one.

A batch of one is published like the application does, with the wake-up message; a larger one is inserted by one
PostgreSQL statement, so that publishing takes little of the machine from the engine.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import django


def main() -> None:
    django.setup()
    for line in sys.stdin:
        order = json.loads(line)
        file = Path(order.pop("file"))
        file.write_text(json.dumps(publish_steadily(**order)))
        print(flush=True)


def publish_steadily(rate: float, seconds: float, batch: int, owners: Sequence[int]) -> list[tuple[str, float, int]]:
    """For each event its id, the time of its commit in Unix seconds, and its owner."""
    from django.db import connection

    from bench import seed
    from invenicum.events.publish import publish_many
    from webhooks.wake import wake

    in_database = batch > 1 and connection.vendor == "postgresql"
    published: list[tuple[str, float, int]] = []
    began, number = time.monotonic(), 0
    while number < rate * seconds:
        time.sleep(max(began + number / rate - time.monotonic(), 0))
        turn = [owners[(number + n) % len(owners)] for n in range(batch)]
        if in_database:
            made = seed.fill(turn, batch, number)
            wake()
        else:
            events = publish_many(seed.draft(owner, number + n) for n, owner in enumerate(turn))
            made = [(event.id.hex, event.owner_id) for event in events]
        now = time.time()
        published += [(event_id, now, owner) for event_id, owner in made]
        number += batch
    return published


if __name__ == "__main__":
    main()

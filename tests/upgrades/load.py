"""Events that are published and delivered all the time while an instance is changed, and whether all arrived."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.client import HTTPException
from itertools import pairwise
from typing import Any, Self

from tests.faults.publishers import Publisher
from tests.upgrades.instance import Instance
from tests.upgrades.world import World
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

# Whose webhook is ordered: each publisher's events are about an asset of its own.
CONNECT = """
from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import issue_token
from integrations.services import save_integration
owner = User.objects.create_user("load")
save_integration(owner, "webhook", {"url": "http://hooks.example.com/load", "events": ["report.*"], "ordered": True})
print(issue_token(owner, USER_SCOPES))
"""
PUBLISHERS = 3
PAUSE_SECONDS = 0.06  # of each publisher after an event
REFUSED = 500  # the first status that is an error of the service


class Load:
    """Publishers and a receiver, for as long as its `with` block runs.

    An event whose answer was lost with its connection, because a server was replaced, is sent again under its
    Idempotency-Key, as clients do. `ports`: the web servers, of which each event takes the next one.
    """

    def __init__(self, instance: Instance, world: World, code: Any = None) -> None:
        self.ports = [instance.port]
        self.statuses: Counter[int] = Counter()
        self._world = world
        self._token = instance.run(CONNECT, **({"code": code} if code else {})).splitlines()[-1]
        self._published: list[list[int]] = [[] for _ in range(PUBLISHERS)]
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._publish, args=(place,)) for place in range(PUBLISHERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Returns when each publisher has got its last answer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(WAIT_DEADLINE_SECONDS)

    def wait_for_more(self, count: int, what: str) -> None:
        """Returns when so many more events have been published, and as many have arrived."""
        published, arrived = self.published + count, len(self._arrived) + count
        wait_until(lambda: self.published >= published and len(self._arrived) >= arrived, what)

    @property
    def published(self) -> int:
        return sum(map(len, self._published))

    @property
    def has_errors(self) -> bool:
        """Whether any event was answered with an error of the service."""
        return max(self.statuses, default=0) >= REFUSED

    @property
    def longest_pause(self) -> float:
        """The most seconds between two arrivals."""
        times = self._world.times["/load"]
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    def assert_all_arrived_once_and_in_order(self) -> None:
        """After `stop`; waits for what is under way."""
        wait_until(lambda: len(self._arrived) >= self.published, "everything arrives")
        found: list[list[int]] = [[] for _ in range(PUBLISHERS)]
        for request in self._arrived:
            data = json.loads(request.body)["data"]
            found[data["publisher"]].append(data["n"])
        assert found == self._published
        assert not self.has_errors

    @property
    def _arrived(self) -> list[Any]:
        return self._world.at("/load")

    def _publish(self, place: int) -> None:
        publishers: dict[int, Publisher] = {}
        number = 0
        while not self._stopping.is_set():
            number += 1
            while not self._sent(publishers, place, number) and not (self._stopping.is_set() and self.has_errors):
                self._stopping.wait(PAUSE_SECONDS)
            self._stopping.wait(PAUSE_SECONDS)

    def _sent(self, publishers: dict[int, Publisher], place: int, number: int) -> bool:
        """Whether an event was accepted."""
        port = self.ports[number % len(self.ports)]
        publisher = publishers.setdefault(port, Publisher(port, self._token))
        data = {"publisher": place, "n": number, "assetId": f"asset-{place}"}
        try:
            status, _ = publisher.post(data, f"{place}-{number}")
        except (OSError, HTTPException):
            return False
        self.statuses[status] += 1
        if status == 202:
            self._published[place].append(number)
        return status == 202

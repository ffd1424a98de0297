"""Clients that publish events one a request, each on a connection of its own, and keep what they were answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.waiting import WAIT_DEADLINE_SECONDS


class Publisher:
    """One connection, which is opened again if it ends."""

    def __init__(self, port: int, token: str):
        self._token = token
        self._connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_DEADLINE_SECONDS)

    def post(self, data: dict[str, Any], key: str = "", **more: Any) -> tuple[int, Any]:
        """The status and the JSON of the answer to an event with this data. Raises OSError or HTTPException."""
        try:
            self._send(data, key, **more)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException):
            self._connection.close()
            raise

    def send_and_leave(self, data: dict[str, Any]) -> None:
        """Sends an event and closes the connection."""
        self._send(data)
        self._connection.close()

    def _send(self, data: dict[str, Any], key: str = "", **more: Any) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        body = json.dumps({"event": "report.ready", "data": data, **more})
        self._connection.request("POST", "/api/v1/events", body, headers)


class Flood:
    """`count` publishers that publish one event after another until `stop`, or until the server is gone."""

    def __init__(self, port: int, token: str, count: int):
        self.published: list[str] = []  # ids that were answered with 202
        self.statuses: set[int] = set()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._publish, args=(Publisher(port, token), place)) for place in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when each publisher has got its last answer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(WAIT_DEADLINE_SECONDS)

    def _publish(self, publisher: Publisher, place: int) -> None:
        number = 0
        while not self._stopping.is_set():
            number += 1
            try:
                status, answer = publisher.post({"publisher": place, "n": number})
            except (OSError, HTTPException):
                return
            self.statuses.add(status)
            if status == 202:
                self.published.append(answer["data"]["id"])


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """What the calls return that are made at the same time, in the same order."""
    found: dict[int, Any] = {}
    barrier = threading.Barrier(len(calls))

    def run(place: int) -> None:
        barrier.wait(WAIT_DEADLINE_SECONDS)
        found[place] = calls[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_DEADLINE_SECONDS)
    return [found[place] for place in range(len(calls))]

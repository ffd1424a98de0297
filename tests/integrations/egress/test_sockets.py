"""A system without epoll and eventfd, such as macOS: the driver waits with `selectors`."""

import os
import select
import selectors
from collections.abc import Iterator

import pytest

from integrations.core.errors import TimedOut
from integrations.core.http import Request
from integrations.egress.curl import FlowDriver, Options
from integrations.egress.sockets import LevelTriggered, WakeUp, sockets
from tests.fakes.http_server import Answer, FakeServer, Received, hang
from tests.integrations.egress.conftest import ask
from tests.integrations.egress.test_curl_many import drain

LARGE = b"x" * 300_000  # more than the buffers of a socket


@pytest.fixture
def without_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")
    monkeypatch.delattr(os, "eventfd")
    monkeypatch.setattr(selectors, "DefaultSelector", selectors.PollSelector)


@pytest.fixture
def portable(without_epoll: None, options: Options) -> Iterator[FlowDriver[object]]:
    with FlowDriver[object](options) as driver:
        yield driver


def echo(request: Received) -> Answer:
    return (200, {}, b"%d" % len(request.body)) if request.path != "/hangs" else hang


def test_requests_of_every_size_are_sent_and_none_waits_for_one_that_hangs(portable: FlowDriver[object]) -> None:
    with FakeServer(echo) as server:
        for _ in range(3):  # over kept connections too
            portable.start("hangs", ask(f"{server.url}/hangs"), timeout=0.5)
            for number in range(30):
                portable.start(number, ask(Request("POST", f"{server.url}/{number}", body=LARGE[: number * 10_000])))
            finished = drain(portable)
            assert [int(finished[number].result.body) for number in range(30)] == list(range(0, 300_000, 10_000))
            assert isinstance(finished["hangs"].error, TimedOut)
        assert server.connections < 90


def test_names_are_looked_up(portable: FlowDriver[object]) -> None:
    with FakeServer(echo) as server:
        portable.start(None, ask(server.url.replace("127.0.0.1", "localhost")))
        [finished] = portable.poll(60)
    assert finished.status == 200


def test_an_idle_driver_waits_without_using_the_processor(portable: FlowDriver[object]) -> None:
    with FakeServer(echo) as server:
        portable.start(None, ask(server.url))
        portable.poll(60)  # its connection stays open, and can be written to at any time
        portable.start(None, ask(f"{server.url}/hangs"), timeout=0.5)
        portable.poll(60)
    assert portable.waited_seconds > 0.3


def test_a_wake_up_is_seen_once_however_often_it_was_set(without_epoll: None) -> None:
    ready, wake_up = sockets(), WakeUp()
    assert isinstance(ready, LevelTriggered)
    ready.add(wake_up.descriptor)
    for _ in range(20_000):  # more than a pipe takes
        wake_up.set()
    assert [descriptor for descriptor, _ in ready.wait(60)] == [wake_up.descriptor]
    wake_up.clear()
    assert ready.wait(0) == []
    ready.close()
    wake_up.close()

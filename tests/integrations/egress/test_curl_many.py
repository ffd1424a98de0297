"""Many flows at once: connections are shared, and none waits for another."""

import multiprocessing
import threading
import time
from typing import Any, TypeVar

import pytest

from integrations.core.errors import TimedOut, TransportError
from integrations.core.http import Flow, Request
from integrations.egress.curl import Finished, FlowDriver, Options, run_flow
from tests.fakes.http_server import Answer, Connection, FakeServer, Received, hang, reset, stream
from tests.integrations.egress.conftest import LOOPBACK, Finish, ask, failure
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

Key = TypeVar("Key")


def ok(request: Received) -> Answer:
    return 200, {}, request.path.encode()


def drain(driver: FlowDriver[Key], but: int = 0) -> dict[Key, Finished[Key]]:
    """Everything that finishes, by key, until `but` flows are left."""
    finished: dict[Key, Finished[Key]] = {}

    def is_done() -> bool:
        finished.update((one.key, one) for one in driver.poll(0.1))
        return driver.in_flight <= but

    wait_until(is_done, f"all flows but {but} have ended")
    return finished


def test_500_flows_at_once_do_not_wait_for_a_hanging_neighbour(driver: FlowDriver[object]) -> None:
    with FakeServer(lambda request: hang) as dead, FakeServer(ok) as healthy:
        driver.start("dead", ask(dead.url), timeout=2 * WAIT_DEADLINE_SECONDS)
        for number in range(500):
            driver.start(number, ask(f"{healthy.url}/{number}"))
        assert driver.in_flight == 501
        finished = drain(driver, but=1)
    assert all(finished[number].result.body == f"/{number}".encode() for number in range(500))
    assert "dead" not in finished


def test_connections_are_kept_alive_and_shared_by_flows_to_one_host(driver: FlowDriver[object]) -> None:
    with FakeServer(ok) as server:
        for _ in range(20):
            for number in range(5):
                driver.start(number, ask(server.url))
            assert len(drain(driver)) == 5
        assert len(server.requests) == 100
        assert server.connections <= 5


def test_the_number_of_open_connections_is_bounded() -> None:
    now = threading.Semaphore(3)

    def handler(request: Received) -> Answer:
        assert now.acquire(blocking=False), "a fourth connection at once"
        time.sleep(0.01)
        now.release()
        return 200, {}, b""

    with FakeServer(handler) as server, FlowDriver[int](Options(connections=3, allow=LOOPBACK)) as driver:
        for number in range(30):
            driver.start(number, ask(server.url))
        assert [one.status for one in drain(driver).values()] == [200] * 30
        assert server.connections == 3


def test_a_flow_continues_as_soon_as_its_response_is_there(driver: FlowDriver[object]) -> None:
    def chain(url: str, links: int) -> Flow[Any]:
        for number in range(links):
            yield Request("GET", f"{url}/{number}")
        return links

    with FakeServer(lambda request: hang) as dead, FakeServer(ok) as server:
        driver.start("dead", ask(dead.url))
        driver.start("chain", chain(server.url, 50))
        [finished] = driver.poll(5)
        assert (finished.key, finished.result) == ("chain", 50)
        assert driver.in_flight == 1


def test_simultaneous_failures_each_reach_their_own_flow(options: Options) -> None:
    def drip(connection: Connection) -> None:
        start = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
        stream((bytes([byte]) for byte in start), seconds_between=0.05)(connection)

    behaviours: dict[str, Answer] = {"/hang": hang, "/reset": reset, "/drip": drip, "/garbage": b"garbage\r\n"}
    with (
        FakeServer(lambda request: behaviours.get(request.path) or ok(request)) as server,
        FlowDriver[tuple[str, int]](options) as driver,
    ):
        for number in range(20):
            for path in (*behaviours, "/ok"):
                seconds = 1.5 if path in ("/hang", "/drip") else WAIT_DEADLINE_SECONDS
                driver.start((path, number), ask(server.url + path), timeout=seconds)
        finished = drain(driver)
    classes = {
        path: {getattr(one.error, "error_class", one.status) for (asked, _), one in finished.items() if asked == path}
        for path in (*behaviours, "/ok")
    }
    assert classes == {
        "/hang": {"timeout"},
        "/reset": {"reset"},
        "/drip": {"timeout"},
        "/garbage": {"reset"},
        "/ok": {200},
    }


def test_large_bodies_both_ways_at_once_arrive_whole(driver: FlowDriver[object]) -> None:
    bodies = {number: bytes([number]) * 3_000_000 for number in range(8)}
    with FakeServer(lambda request: (200, {}, request.body[:60_000])) as server:
        for number, body in bodies.items():
            driver.start(number, ask(Request("PUT", f"{server.url}/{number}", {}, body)))
        finished = drain(driver)
    assert {int(request.path[1:]): request.body for request in server.requests} == bodies
    assert {number: one.result.body for number, one in finished.items()} == {
        number: body[:60_000] for number, body in bodies.items()
    }


def test_names_are_resolved_while_other_flows_run(driver: FlowDriver[object]) -> None:
    with FakeServer(ok) as server:
        for number in range(5):
            driver.start(f"unknown {number}", ask(f"http://no-such-host-{number}.invalid/"))
            driver.start(f"known {number}", ask(f"http://localhost:{server.port}/"))
        finished = drain(driver)
    for number in range(5):
        failure(finished[f"unknown {number}"], "dns")
        assert finished[f"known {number}"].status == 200


def test_polling_returns_when_the_time_is_up_or_nothing_is_left(driver: FlowDriver[object]) -> None:
    assert driver.poll(5) == []
    with FakeServer(lambda request: hang) as server:
        driver.start(1, ask(server.url), timeout=WAIT_DEADLINE_SECONDS)
        began = time.monotonic()
        assert driver.poll(0.1) == []
        assert 0.09 < time.monotonic() - began < WAIT_DEADLINE_SECONDS / 2
        driver.start(2, ask(server.url), timeout=0.1)
        [finished] = driver.poll(WAIT_DEADLINE_SECONDS)
    assert finished.key == 2
    assert isinstance(finished.error, TimedOut)


def test_a_handle_that_failed_serves_the_next_flow_as_new(finish: Finish) -> None:
    with FakeServer(lambda request: reset if request.path == "/bad" else ok(request)) as server:
        for _ in range(5):
            assert isinstance(finish(ask(f"{server.url}/bad")).error, TransportError)
            good = finish(ask(f"{server.url}/good"))
            assert (good.result.body, good.excerpt, good.error) == (b"/good", "/good", None)


def _run_in_child(url: Any, options: Options, answers: Any) -> None:
    answers.put(run_flow(ask(url), options=options).status)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_can_have_a_driver_of_its_own(driver: FlowDriver[object], options: Options) -> None:
    context = multiprocessing.get_context("fork")
    with FakeServer(ok) as server:
        driver.start(1, ask(server.url))
        drain(driver)
        answers = context.Queue()
        child = context.Process(target=_run_in_child, args=(server.url, options, answers))
        child.start()
        assert answers.get(timeout=WAIT_DEADLINE_SECONDS) == 200
        child.join(WAIT_DEADLINE_SECONDS)
        driver.start(2, ask(server.url))
        assert drain(driver)[2].status == 200
        assert server.connections == 2

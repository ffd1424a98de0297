"""Names: whose addresses may be reached, and what a lookup may cost."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.core.errors import TimedOut
from integrations.core.http import Flow, Request
from integrations.egress.curl import Finished, FlowDriver, Options
from integrations.egress.lookups import Addresses, Lookups
from tests.fakes.http_server import FakeServer
from tests.integrations.egress.conftest import LOOPBACK, ask, failure, ok
from tests.waiting import WAIT_DEADLINE_SECONDS

PRIVATE, HERE = "10.1.2.3", "127.0.0.1"


class Names:
    """A name server with these addresses, which does not answer for other names."""

    def __init__(self, **addresses: Addresses) -> None:
        self.addresses = addresses
        self.asked: list[str] = []
        self.released = threading.Event()

    def resolve(self, name: str) -> Addresses:
        self.asked.append(name)
        if name.partition(".")[0] in self.addresses:
            return self.addresses[name.partition(".")[0]]
        self.released.wait(WAIT_DEADLINE_SECONDS)
        return ()


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names(here=(HERE,), private=(PRIVATE,), none=(), mixed=(PRIVATE, HERE))
    yield names
    names.released.set()


def driver_with(names: Names, **options: Any) -> FlowDriver[Any]:
    allowed = Options(**{"timeout": WAIT_DEADLINE_SECONDS, "allow": LOOPBACK, **options})
    return FlowDriver[Any](allowed, Lookups(8, 2, names.resolve))


def finish(driver: FlowDriver[Any], url: str, **start: Any) -> Finished[Any]:
    driver.start(url, ask(url), **start)
    [finished] = driver.poll(WAIT_DEADLINE_SECONDS)
    return finished


def test_a_name_is_looked_up_for_a_connection_and_not_for_a_request(names: Names) -> None:
    with FakeServer(ok) as server, driver_with(names) as driver:
        for _ in range(3):
            assert finish(driver, f"http://Here.example:{server.port}/").status == 200
        assert server.connections == 1
        assert server.requests[0].headers["host"] == f"Here.example:{server.port}"
    assert names.asked == ["here.example"]


def test_the_absolute_form_of_a_name_works_too(names: Names) -> None:
    with FakeServer(ok) as server, driver_with(names) as driver:
        assert finish(driver, f"http://here.example.:{server.port}/").status == 200


def test_flows_that_wait_for_one_name_are_all_sent(names: Names) -> None:
    names.addresses["late"] = (HERE,)
    with FakeServer(ok) as server, driver_with(names) as driver:
        for number in range(30):
            driver.start(number, ask(f"http://late.example:{server.port}/{number}"))
        assert driver.in_flight == 30
        finished: list[Finished[Any]] = []
        while driver.in_flight:
            finished += driver.poll(WAIT_DEADLINE_SECONDS)
        assert [one.status for one in finished] == [200] * 30
    assert names.asked == ["late.example"]


def test_more_flows_than_connections_reach_a_name(names: Names) -> None:
    with FakeServer(ok) as server, driver_with(names, connections=2) as driver:
        for number in range(20):
            driver.start(number, ask(f"http://here.example:{server.port}/{number}"))
        finished: list[Finished[Any]] = []
        while driver.in_flight:
            finished += driver.poll(WAIT_DEADLINE_SECONDS)
        assert [one.status for one in finished] == [200] * 20


def test_a_private_address_and_no_address_give_the_same_error(names: Names) -> None:
    with driver_with(names, allow=(), lookup_timeout=0.2) as driver:
        errors = [
            failure(finish(driver, f"http://{name}.example:8000/secret"), "dns")
            for name in ("private", "none", "here", "mixed", "silent")
        ]
    assert len({error.message.replace(name, "") for error in errors for name in [error.message.split(".")[0]]}) == 1
    assert {(type(error), error.fault, error.retry_after) for error in errors} == {(type(errors[0]), "service", None)}


def test_only_the_addresses_of_a_name_that_may_be_reached_are_tried(names: Names) -> None:
    with FakeServer(ok) as server, driver_with(names) as driver:
        assert finish(driver, f"http://mixed.example:{server.port}/").status == 200


def test_the_operator_is_told_what_the_user_is_not(names: Names, caplog: pytest.LogCaptureFixture) -> None:
    with driver_with(names) as driver, caplog.at_level("INFO"):
        finish(driver, "http://private.example/secret")
        finish(driver, "http://none.example/secret")
    assert "10.1.2.3 is a private address" in caplog.text
    assert "it has no address" in caplog.text
    assert "secret" not in caplog.text


def test_a_name_server_that_is_silent_costs_the_time_of_a_lookup(names: Names) -> None:
    with driver_with(names, lookup_timeout=0.2) as driver:
        finished = finish(driver, "http://silent.example/")
        failure(finished, "dns")
        assert 0.15 < finished.duration < WAIT_DEADLINE_SECONDS / 2
        finished = finish(driver, "http://silent.example/", timeout=0.1)
        failure(finished, "dns")


def test_silent_names_of_one_account_do_not_delay_the_names_of_another(names: Names) -> None:
    with FakeServer(ok) as server, driver_with(names) as driver:
        for number in range(50):
            driver.start(number, ask(f"http://silent-{number}.example/"), account="alice")
        assert driver.in_flight == 50
        finished = finish(driver, f"http://here.example:{server.port}/", account="bob")
        assert (finished.status, driver.in_flight) == (200, 50)
        assert names.asked.count("here.example") == 1
        assert len(names.asked) == 3  # two of Alice's


def test_a_flow_goes_on_after_a_name_that_does_not_resolve(names: Names) -> None:
    def flow(port: int) -> Flow[int]:
        with pytest.raises(Exception, match="does not resolve"):
            yield Request("GET", "http://none.example/")
        return (yield Request("GET", f"http://here.example:{port}/")).status

    with FakeServer(ok) as server, driver_with(names) as driver:
        driver.start(None, flow(server.port))
        [finished] = driver.poll(WAIT_DEADLINE_SECONDS)
    assert finished.result == 200


def test_the_time_of_a_lookup_counts_towards_that_of_the_flow(names: Names) -> None:
    def slow(name: str) -> Addresses:
        time.sleep(0.2)
        return (HERE,)

    options = Options(timeout=WAIT_DEADLINE_SECONDS, allow=LOOPBACK)
    with FakeServer(ok) as server, FlowDriver[Any](options, Lookups(1, 1, slow)) as driver:
        finished = finish(driver, f"http://slow.example:{server.port}/")
        assert finished.duration > 0.2
        finished = finish(driver, f"http://slower.example:{server.port}/", timeout=0.1)
    assert isinstance(finished.error, TimedOut) or getattr(finished.error, "error_class", "") == "dns"


def test_a_driver_can_be_closed_while_names_are_looked_up(names: Names) -> None:
    closed = []

    def flow() -> Flow[Any]:
        try:
            yield Request("GET", "http://silent.example/")
        finally:
            closed.append(True)

    driver = driver_with(names)
    driver.start(None, flow())
    assert driver.poll(0.05) == []
    began = time.monotonic()
    driver.close()
    assert closed == [True]
    assert time.monotonic() - began < WAIT_DEADLINE_SECONDS / 2


@pytest.mark.parametrize(
    "host", ["silent%2Eexample", "exa mple", "ex\\ample", "a,b", "[here.example]", "here.example%00"]
)
def test_a_host_that_can_be_read_in_two_ways_is_refused(names: Names, host: str) -> None:
    with driver_with(names) as driver:
        failure(finish(driver, f"http://{host}:8000/secret"), "blocked", "not a valid address")
    assert names.asked == []

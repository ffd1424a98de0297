"""A proxy changes the way that requests take, and not which addresses may be reached."""

from typing import Any

import pytest

from integrations.egress.curl import FlowDriver, Options
from integrations.egress.lookups import Lookups
from tests.fakes.http_server import FakeServer
from tests.integrations.egress.conftest import LOOPBACK, failure, ok
from tests.integrations.egress.test_names import HERE, PRIVATE, Names, finish
from tests.waiting import WAIT_DEADLINE_SECONDS

PUBLIC = "93.184.215.14"


def through(proxy: FakeServer, names: Names, **options: Any) -> FlowDriver[Any]:
    given = Options(**{"timeout": WAIT_DEADLINE_SECONDS, "proxy": proxy.url, **options})
    return FlowDriver[Any](given, Lookups(8, 8, names.resolve))


def test_a_public_name_is_asked_for_by_name() -> None:
    names = Names(public=(PUBLIC,))
    with FakeServer(ok) as proxy, through(proxy, names) as driver:
        for _ in range(2):
            assert finish(driver, "http://public.example/a").status == 200
    assert [request.path for request in proxy.requests] == ["http://public.example/a"] * 2
    assert names.asked == ["public.example"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]", "localhost", "a.localhost"]
)
@pytest.mark.parametrize("proxy_resolves", [False, True])
def test_an_address_in_the_url_is_judged_whoever_resolves_names(host: str, proxy_resolves: bool) -> None:
    with FakeServer(ok) as proxy, through(proxy, Names(), proxy_resolves=proxy_resolves) as driver:
        failure(finish(driver, f"http://{host}:8000/secret"), "blocked", "EGRESS_ALLOW")
        failure(finish(driver, f"http://{host}:25/secret"), "blocked", "port 25")
    assert proxy.requests == []


def test_a_name_is_judged_by_all_its_addresses_because_the_proxy_may_take_any() -> None:
    names = Names(private=(PRIVATE,), mixed=(PUBLIC, PRIVATE), none=())
    with FakeServer(ok) as proxy, through(proxy, names) as driver:
        for name in names.addresses:
            failure(finish(driver, f"http://{name}.example/secret"), "dns")
    assert proxy.requests == []


def test_allowed_addresses_are_allowed_behind_a_proxy_too() -> None:
    names = Names(here=(HERE,))
    with FakeServer(ok) as proxy, through(proxy, names, allow=LOOPBACK) as driver:
        assert finish(driver, "http://here.example/").status == 200
        assert finish(driver, "http://127.0.0.1/").status == 200


def test_names_are_left_to_a_proxy_that_judges_them_itself() -> None:
    names = Names()
    with FakeServer(ok) as proxy, through(proxy, names, proxy_resolves=True) as driver:
        assert finish(driver, "http://unknown.example/").status == 200
        failure(finish(driver, "http://unknown.example:25/"), "blocked", "port 25")
    assert names.asked == []


def test_the_port_of_a_url_is_judged_and_the_port_of_the_proxy_is_not() -> None:
    with FakeServer(ok) as proxy, through(proxy, Names(), proxy_resolves=True, ports=frozenset({81})) as driver:
        assert finish(driver, "http://public.example:81/").status == 200
        failure(finish(driver, "http://public.example:82/"), "blocked", "port 82", "EGRESS_PORTS")


@pytest.mark.parametrize("url", ["http://public.example\\@127.0.0.1/", "http://public%2eexample/", "http://a,b/"])
def test_a_host_that_can_be_read_in_two_ways_is_refused(url: str) -> None:
    with FakeServer(ok) as proxy, through(proxy, Names(), proxy_resolves=True) as driver:
        failure(finish(driver, url), "blocked")
    assert proxy.requests == []

import ipaddress
from collections.abc import Callable, Iterator

import pytest

from integrations.core.http import Flow, Request, Response
from integrations.egress.curl import FlowDriver, Options
from tests.fakes.certificates import Authority

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def options(authority) -> Options:
    """Loopback may be reached, as the tests' servers are there; patience is short."""
    return Options(timeout=5, connect_timeout=2, allow=LOOPBACK, certificates=str(authority.path))


@pytest.fixture
def driver(options) -> Iterator[FlowDriver[object]]:
    with FlowDriver[object](options) as driver:
        yield driver


@pytest.fixture
def finish(driver) -> Callable:
    """Runs a flow with the driver, to its `Finished`."""

    def run(flow, timeout=None):
        driver.start(None, flow, timeout)
        return next(iter(driver.poll(20)))

    return run


def ask(request: Request | str) -> Flow[Response]:
    """A flow of one request, which returns its response."""
    return (yield Request("GET", request) if isinstance(request, str) else request)


def ok(request):
    return 200, {}, b"ok"


def failure(finished, error_class, *words):
    """Asserts that the flow failed like this, in a message that names no secret. Returns the error."""
    assert finished.error is not None, finished
    assert finished.error.error_class == error_class, finished.error
    for word in words:
        assert word in finished.error.message
    assert "secret" not in finished.error.message
    return finished.error

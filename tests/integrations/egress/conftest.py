import ipaddress
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from integrations.core.errors import IntegrationError
from integrations.core.http import Flow, Request, Response
from integrations.egress.curl import Finished, FlowDriver, Options
from tests.fakes.certificates import Authority
from tests.fakes.http_server import Answer, Received
from tests.waiting import WAIT_DEADLINE_SECONDS


class Finish(Protocol):
    """Runs a flow to its end within `timeout` seconds."""

    def __call__(self, flow: Flow[Any], timeout: float | None = None) -> Finished[object]: ...


LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def options(authority: Authority) -> Options:
    """Allows loopback, where the tests' servers listen."""
    return Options(
        timeout=WAIT_DEADLINE_SECONDS,
        connect_timeout=WAIT_DEADLINE_SECONDS,
        allow=LOOPBACK,
        certificates=str(authority.path),
    )


@pytest.fixture
def driver(options: Options) -> Iterator[FlowDriver[object]]:
    with FlowDriver[object](options) as driver:
        yield driver


@pytest.fixture
def finish(driver: FlowDriver[object]) -> Finish:
    """Runs a flow with the driver to its end."""

    def run(flow: Flow[Any], timeout: float | None = None) -> Finished[object]:
        driver.start(None, flow, timeout)
        return next(iter(driver.poll(WAIT_DEADLINE_SECONDS)))

    return run


def ask(request: Request | str) -> Flow[Response]:
    """A flow of one request, which returns its response."""
    return (yield Request("GET", request) if isinstance(request, str) else request)


def ok(request: Received) -> Answer:
    return 200, {}, b"ok"


def failure(finished: Finished[Any], error_class: str, *words: str) -> IntegrationError:
    """Asserts that the flow failed like this, in a message that names no secret. Returns the error."""
    assert isinstance(finished.error, IntegrationError), finished
    assert finished.error.error_class == error_class, finished.error
    for word in words:
        assert word in finished.error.message
    assert "secret" not in finished.error.message
    return finished.error

import socket
from typing import Any

import pytest

from invenicum.accounts.models import User
from tests.fakes.http_server import FakeServer


@pytest.mark.parametrize("path", ["/integrations", "/integrations/test"])
@pytest.mark.parametrize("port", [22, 25, 1023])
def test_a_port_that_is_not_allowed_is_refused_with_the_name_of_its_field(
    api: Any, alice: User, path: str, port: int
) -> None:
    body = {"type": "webhook", "config": {"url": f"https://example.com:{port}/hook"}}
    answer = api(alice).post(path, body, format="json")
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_CONFIG")
    assert f"url uses port {port}, which is not allowed" in answer.json()["message"]
    assert set(answer.json()["details"]) == {"url"}


def test_a_port_that_the_operator_allows_can_be_saved(api: Any, alice: User, settings: Any) -> None:
    settings.EGRESS_PORTS = frozenset({81})
    body = {"type": "webhook", "config": {"url": "https://example.com:81/hook"}}
    assert api(alice).post("/integrations", body, format="json").status_code == 200


def test_a_test_does_not_tell_whether_a_name_exists_inside(api: Any, alice: User, settings: Any) -> None:
    settings.EGRESS_ALLOW = ()  # this machine's own name leads to an address that is not public
    messages = set()
    with FakeServer(lambda request: (200, {}, b"")) as server:
        for host in ("no-such-host.invalid", socket.gethostname()):
            body = {"type": "webhook", "config": {"url": f"http://{host}:{server.port}/hook"}}
            answer = api(alice).post("/integrations/test", body, format="json")
            assert (answer.status_code, answer.json()["error"]) == (400, "WEBHOOK_DELIVERY_FAILED")
            messages.add(answer.json()["message"].replace(host, "<host>"))
    assert len(messages) == 1
    assert server.connections == 0

"""Requests for `Inbound`, and what it reads from them."""

from typing import Any

from integrations.core.connector import Connector
from integrations.core.inbound import HookResponse, Inbound, InboundRequest, ProviderEvent
from tests.inbound import encode
from tests.integrations.connectors.examples import EXAMPLES

NOW = 1_772_879_400
# The fields that a Git provider's event is read from, and values that no provider sends there.
GIT_FIELDS = (
    *("repository", "project", "sender", "actor", "user", "commits", "push", "pull_request", "pullrequest", "issue"),
    *("object_attributes", "action", "ref", "before", "total_commits_count"),
)
ODD_VALUES: tuple[Any, ...] = ([], {}, None, 5, "x", [[]], [None], {"a": 1}, True)


def config_of(connector: type[Connector], **changes: Any) -> Any:
    """The type's example as if OAuth had connected it; `None` leaves a field out."""
    given = {**EXAMPLES[connector.type], **changes}
    return connector.Config.parse({name: value for name, value in given.items() if value is not None}, connected=True)


def inbound_of(connector: type[Connector]) -> Inbound:
    assert connector.inbound is not None
    return connector.inbound


def incoming(payload: Any, now: float = NOW, **headers: str) -> InboundRequest:
    """A request whose header names are written with underscores."""
    return InboundRequest({name.replace("_", "-"): value for name, value in headers.items()}, encode(payload), now)


def read_event(
    connector: type[Connector], request: InboundRequest, state: dict[str, Any] | None = None
) -> ProviderEvent:
    event = inbound_of(connector).read(request, state or {})
    assert isinstance(event, ProviderEvent)
    return event


def read_response(connector: type[Connector], request: InboundRequest) -> HookResponse:
    response = inbound_of(connector).read(request, {})
    assert isinstance(response, HookResponse)
    return response

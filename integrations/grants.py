"""What integrations need of OAuth, without knowing it: `oauth_flows`, a layer above, registers itself here."""

from collections.abc import Callable
from typing import Any, TypeVar

from .core.config import ConnectorConfig
from .core.http import Flow
from .egress.curl import run_flow
from .models import Integration

T = TypeVar("T")


class Connections:
    """This base stands for a service without OAuth: nothing is connected."""

    def is_connected(self, integration: Integration) -> bool:
        """Whether a grant stands behind the integration, be it accepted or not."""
        return False

    def is_refused(self, integration: Integration) -> bool:
        """Whether the provider accepts its grant no more."""
        return False

    def access_token(self, integration: Integration) -> str | None:
        return None

    def run(self, integration: Integration, config: ConnectorConfig, call: Callable[[Any], Flow[T]]) -> T:
        """Drives `call(config)` to its end, with a fresh access token in the config where there is a grant."""
        return run_flow(call(config))

    def end(self, integration: Integration) -> None:
        """Erases the grant in the caller's transaction and sees to it that its tokens are revoked."""


_registered = Connections()


def register(connections: Connections) -> None:
    global _registered
    _registered = connections


def current() -> Connections:
    return _registered

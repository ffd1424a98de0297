"""What integrations need of OAuth, without depending on it: `oauth_flows`, a layer above, registers itself here."""

from collections.abc import Callable
from typing import Any, TypeVar

from .core.config import ConnectorConfig
from .core.http import Flow
from .core.inbound import ConnectionEnd
from .egress.curl import run_flow
from .models import Integration

T = TypeVar("T")


class Grants:
    """Access to the OAuth grants of integrations. This base class is used without OAuth: no integration has one."""

    def is_connected(self, integration: Integration) -> bool:
        """Whether the integration has a grant, also one that the provider refuses."""
        return False

    def is_refused(self, integration: Integration) -> bool:
        """Whether the integration needs a grant that the provider no longer accepts."""
        return False

    def note_ended(self, integration: Integration, end: ConnectionEnd) -> bool | None:
        """Notes that the provider ended the connection: the grant counts as refused from now on.

        The caller has locked the integration. Returns False if it was connected again after that, or `end` is about
        another app; None without a grant.
        """
        return None

    def access_token(self, integration: Integration) -> str | None:
        """The stored access token, expired or not. Returns None without a grant, or if it cannot be decrypted."""
        return None

    def run(
        self,
        integration: Integration,
        config: ConnectorConfig,
        call: Callable[[Any], Flow[T]],
        timeout: float | None = None,
    ) -> T:
        """Drives the flow `call(config)` to its end and returns its result.

        With a grant, the config that `call` receives carries a valid access token; this may wait for a refresh.
        `timeout`: seconds for all of it; None for the flow's usual time, and more for the refresh. Raises what the flow
        raises, or an IntegrationError if there is no valid token.
        """
        return run_flow(call(config), timeout, account=integration.owner_id)

    def flow(self, integration: Integration, config: ConnectorConfig, call: Callable[[Any], Flow[T]]) -> Flow[T]:
        """Like `run`, as a flow for a durable job: instead of waiting for a refresh it raises `Postponed`."""
        return call(config)

    def end(self, integration: Integration) -> None:
        """Erases the grant, if there is one, in the caller's transaction, and queues the revocation of its tokens."""


_registered = Grants()


def register(grants: Grants) -> None:
    """Called once at start-up, by the app that has the grants."""
    global _registered
    _registered = grants


def current() -> Grants:
    """The access that was registered."""
    return _registered

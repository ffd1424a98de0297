"""Configurations ready for use: loaded and decrypted once, kept until the integration changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from fernet_fields import DecryptionError

from integrations import registry
from integrations.core.config import ConnectorConfig
from integrations.core.connector import Connector
from integrations.core.errors import IntegrationError, InvalidConfig
from integrations.core.http import Flow
from integrations.models import Integration
from oauth_flows.models import Grant
from oauth_flows.tokens import authorized, grants_of

from .queue import Claimed

KEPT = 10_000  # integrations

Prepared = tuple[Connector, ConnectorConfig, Grant | None] | IntegrationError


class PreparedIntegrations:
    """Gives a claimed delivery its flow."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[datetime, Prepared]] = {}

    def load(self, claimed: Iterable[Claimed]) -> None:
        """Reads, in one statement, the integrations that are new or have changed since they were last read; in one
        more the grants of those that may have one.
        """
        missing = {item.integration_id for item in claimed if not self._is_current(item)}
        if not missing:
            return
        if len(self._known) > KEPT:
            self._known.clear()
        for integration_id in missing:
            self._known.pop(integration_id, None)
        # A row that cannot be decrypted spoils only itself, so secrets are read one by one when the whole cannot be.
        try:
            integrations = list(Integration.objects.filter(id__in=missing))
        except DecryptionError:
            integrations = list(Integration.objects.filter(id__in=missing).without_secrets())
        may_be_connected = {connector.type for connector in registry.CONNECTORS if connector.oauth}
        connectable = [integration.id for integration in integrations if integration.type in may_be_connected]
        grants = grants_of(connectable) if connectable else {}
        for integration in integrations:
            prepared = _prepare(integration, grants.get(integration.id))
            self._known[integration.id] = integration.updated_at, prepared

    def flow(self, claimed: Claimed, now: int) -> Flow[None]:
        """The flow of one try; where the configuration cannot be used, one that says why."""
        _, prepared = self._known[claimed.integration_id]
        if isinstance(prepared, IntegrationError):
            return _failing(prepared)
        connector, config, grant = prepared
        if grant:
            return authorized(grant, config, lambda config: connector.deliver(claimed.message, config, now))
        return connector.deliver(claimed.message, config, now)

    def _is_current(self, claimed: Claimed) -> bool:
        known = self._known.get(claimed.integration_id)
        return known is not None and known[0] == claimed.version


def _prepare(integration: Integration, grant: Grant | None) -> Prepared:
    try:
        return registry.get(integration.type), integration.load_config(), grant
    except DecryptionError:
        return InvalidConfig("The stored secrets cannot be decrypted with the configured keys.", permanent=False)
    except registry.UnknownType:
        return InvalidConfig(f"There is no connector of type {integration.type}.", permanent=False)
    except IntegrationError as error:
        return error


def _failing(error: IntegrationError) -> Flow[None]:
    yield from ()
    raise error

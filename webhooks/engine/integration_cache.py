"""The integrations that a worker sends to: loaded and decrypted once, cached until they change."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from integrations import registry
from integrations.core.client_credentials import HeldToken
from integrations.core.config import ConnectorConfig
from integrations.core.connector import Connector
from integrations.core.errors import IntegrationError, InvalidConfig
from integrations.core.http import Flow
from integrations.core.memory import with_memory
from integrations.models import Integration
from integrations.remote_ids import RemoteIds
from invenicum.encrypted_fields import DecryptionError
from oauth_flows.models import Grant
from oauth_flows.tokens import authorized, grants_of

from .values import Claimed, Group, IntegrationId, version_of

MAX_CACHED_INTEGRATIONS = 10_000

log = structlog.get_logger(__name__)


class SecretsUnreadable(InvalidConfig):
    """This worker has no key for the secrets. Another may have it, so that this is no attempt."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An integration that can be sent to. `secrets` are the texts that must not be stored elsewhere."""

    connector: Connector
    config: ConnectorConfig
    grant: Grant | None
    secrets: Collection[str]
    account: int  # its owner
    held: HeldToken | None = None


class IntegrationCache:
    """Makes the flow of a claimed delivery. Every claimed delivery has to be loaded first."""

    def __init__(self) -> None:
        self._known: dict[IntegrationId, tuple[int, Prepared | IntegrationError]] = {}

    def load(self, claimed: Iterable[Claimed]) -> None:
        """Reads what is new or has changed: integrations in one statement, in another the grants of those that may
        have one.
        """
        missing = {item.integration_id for item in claimed if not self._is_current(item)}
        if not missing:
            return
        # If one row cannot be decrypted, the secrets are read row by row, so that the others still work.
        try:
            integrations = list(Integration.objects.filter(id__in=missing))
        except DecryptionError:
            integrations = list(Integration.objects.filter(id__in=missing).without_secrets())
        may_be_connected = {connector.type for connector in registry.CONNECTORS if connector.oauth}
        connectable = [integration.id for integration in integrations if integration.type in may_be_connected]
        grants = grants_of(connectable) if connectable else {}
        for integration in integrations:
            prepared = _prepare(integration, grants.get(integration.id))
            self._known[str(integration.id)] = version_of(integration.updated_at), prepared
        for vanished in missing.difference(str(integration.id) for integration in integrations):
            self._known[vanished] = 0, InvalidConfig("The integration was deleted.")

    def trim(self, in_use: Iterable[IntegrationId]) -> None:
        """Drops what is not in use, if the cache is full."""
        if len(self._known) > MAX_CACHED_INTEGRATIONS:
            self._known = {lane: self._known[lane] for lane in in_use if lane in self._known}

    def flow(self, claimed: Claimed | Group, now: int) -> Flow[Any]:
        """The flow of one attempt; one that fails with the reason if the configuration cannot be used.

        It returns what `Connector.deliver` does, or for a Group what `Connector.deliver_many` does.
        """
        prepared = self._known[claimed.integration_id][1]
        if isinstance(prepared, IntegrationError):
            return _failing(prepared)
        grant = prepared.grant
        if grant:
            return authorized(grant, prepared.config, lambda config: _delivery(prepared, config, claimed, now))
        try:
            return _delivery(prepared, prepared.config, claimed, now)
        except Exception as error:  # noqa: BLE001 - a connector that fails on one event must not stop the others
            return _failing(error)

    def secrets(self, claimed: Claimed | Group) -> Collection[str]:
        """What has to be redacted from responses and errors."""
        prepared = self._known[claimed.integration_id][1]
        if isinstance(prepared, IntegrationError):
            return ()
        # The token may have been refreshed since.
        if prepared.grant:
            return (*prepared.secrets, prepared.grant.access_token)
        return (*prepared.secrets, *prepared.held.texts()) if prepared.held else prepared.secrets

    def account(self, claimed: Claimed | Group) -> int | None:
        """Whose integration it is: an account's lookups of names are counted together."""
        prepared = self._known[claimed.integration_id][1]
        return None if isinstance(prepared, IntegrationError) else prepared.account

    def connector_type(self, claimed: Claimed | Group) -> str:
        """For example `slack`; empty if the configuration cannot be used."""
        prepared = self._known[claimed.integration_id][1]
        return "" if isinstance(prepared, IntegrationError) else prepared.connector.type

    def limits(self, claimed: Claimed) -> tuple[float | None, int | None, int]:
        """Deliveries a second, and flows at once, None for no limit; and how many deliveries one flow may send."""
        prepared = self._known[claimed.integration_id][1]
        if isinstance(prepared, IntegrationError):
            return None, None, 1
        return prepared.config.rate_limit, prepared.connector.concurrency, prepared.connector.most_at_once

    def _is_current(self, claimed: Claimed) -> bool:
        known = self._known.get(claimed.integration_id)
        return known is not None and known[0] == claimed.version


def _prepare(integration: Integration, grant: Grant | None) -> Prepared | IntegrationError:
    try:
        config = integration.load_config()
        secrets = (*_texts(integration.secrets), *_texts(grant.tokens if grant else {}))
        return Prepared(registry.get(integration.type), config, grant, secrets, integration.owner_id, config.held_token)
    except DecryptionError:
        log.error("secrets_unreadable", integration=str(integration.id), type=integration.type)
        return SecretsUnreadable("The stored secrets cannot be decrypted with the configured keys.")
    except registry.UnknownType:
        return InvalidConfig(f"There is no connector of type {integration.type}.")
    except IntegrationError as error:
        return error
    except Exception:
        log.exception("integration_unusable", integration=str(integration.id))
        return InvalidConfig("The stored configuration cannot be used; the reason has been logged.")


def _delivery(prepared: Prepared, config: ConnectorConfig, claimed: Claimed | Group, now: int) -> Flow[Any]:
    connector = prepared.connector
    flow: Flow[Any]
    if isinstance(claimed, Group):
        flow = connector.deliver_many([delivery.message for delivery in claimed.deliveries], config, now)
    else:
        flow = connector.deliver(claimed.message, config, now)
    return with_memory(flow, RemoteIds(UUID(claimed.integration_id))) if connector.remembers else flow


def _texts(secrets: object) -> Iterable[str]:
    """Every text in nested secrets."""
    if isinstance(secrets, str):
        yield secrets
    elif isinstance(secrets, dict):
        for value in secrets.values():
            yield from _texts(value)


def _failing(error: Exception) -> Flow[None]:
    yield from ()
    raise error

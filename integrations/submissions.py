"""What an owner submits becomes a configuration, with the stored secrets for those that are blank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invenicum.accounts.models import User
from invenicum.encrypted_fields import DecryptionError

from . import grants
from .core.config import ConnectorConfig
from .core.connector import Connector
from .core.errors import InvalidConfig
from .credentials import gives_key, keep_secrets
from .credentials import secrets_to_give as secrets_of_moved
from .destinations import check_ports
from .models import Integration, IntegrationQuerySet


def stored(owner: User, integration_type: str) -> Integration | None:
    """The owner's integration of a type, with its secrets, or None."""
    return readable(Integration.objects.live().filter(owner=owner, type=integration_type))


def parse(connector: Connector, values: Mapping[str, Any], stored: Integration | None) -> tuple[ConnectorConfig, bool]:
    """The configuration of submitted `values`, by JSON name, and whether it keeps its OAuth grant.

    Secrets that are blank are those of `stored`; a submitted key replaces the grant. Raises InvalidConfig.
    """
    connected = False
    if stored:
        if connector.oauth and not gives_key(connector.Config, values, stored.secrets):
            connected = grants.current().is_connected(stored)
        values = keep_secrets(
            connector.Config,
            values,
            stored.config,
            stored.secrets,
            connected=connected,
            generated=stored.generated_names,
        )
    if connector.oauth and connector.oauth.required and not connected:
        raise InvalidConfig(
            f"{connector.name} is connected with OAuth: begin with GET /integrations/oauth/authorize/{connector.type}."
        )
    if connector.oauth and not connected:
        values = {name: value for name, value in values.items() if name not in connector.oauth.fills_only_connected}
    config = connector.Config.parse(values, connected=connected)
    check_ports(config)
    return config, connected


def secrets_to_give(
    connector: Connector, values: Mapping[str, Any], stored: Integration | None
) -> dict[str, list[str]]:
    """Those of the `stored` secrets that a save of `values` asks for again, each with the fields whose change is the
    reason, by JSON name: `{"headers": ["url"]}`."""
    if stored is None:
        return {}
    try:
        return secrets_of_moved(
            connector.Config, values, stored.config, stored.secrets, generated=stored.generated_names
        )
    except InvalidConfig:
        return {}


def readable(rows: IntegrationQuerySet) -> Integration | None:
    """The one integration in `rows`. Secrets that cannot be decrypted count as absent: its owner can give new ones."""
    try:
        return rows.first()
    except DecryptionError:
        integration = rows.without_secrets().get()
        integration.secrets = {}
        return integration
